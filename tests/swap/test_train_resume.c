/* A training that is stopped, however, ends with the same bytes as one that was
 * not: Ctrl-C, kill -9 at any moment, a damaged checkpoint. The killed training is
 * another process: this program started again with a folder as its argument. */
#include "swap/training.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

#define STEPS 450

static void stop_at(void *user, const lk_progress *p)
{
    if (p->done >= 20) lk_cancel_raise(user);
}

static void test_cancel(void)
{
    lesson l;
    lk_swap_train_report r;
    char whole[LK_HASH_HEX], parts[LK_HASH_HEX];
    lesson_open(&l, 120);
    CHECK_OK(lesson_train(&l, &r, NULL, NULL), &err);
    weights_hash(l.model, whole);
    unlink(l.model);
    lk_cancel *c = lk_cancel_new();
    lk_progress_sink sink = {.report = stop_at, .user = c};
    CHECK_STATUS(lesson_train(&l, &r, c, &sink), LK_E_CANCELLED, &err);
    CHECK(!lk_path_exists(l.model), "a stopped training has no model");
    CHECK(lk_path_exists(l.work), "a stopped training keeps its checkpoint");
    l.o.resume = true;
    CHECK_OK(lesson_train(&l, &r, NULL, NULL), &err);
    CHECK_INT(r.steps, 120);
    weights_hash(l.model, parts);
    CHECK_STR(parts, whole);
    lk_cancel_free(c);

    /* Somebody else's checkpoint is not continued. */
    l.o.seed++;
    CHECK_STATUS(lesson_train(&l, &r, NULL, NULL), LK_E_ARG, &err);
    CHECK(strstr(err.message, "seed"), "the message does not say what differs: %s", err.message);
    l.o.seed--;
    /* A damaged one is reported, not replaced. */
    void *data;
    size_t n;
    CHECK_OK(lk_file_read(l.work, (size_t)64 << 20, &data, &n, &err), &err);
    ((uint8_t *)data)[n - 100] ^= 4;
    CHECK_OK(lk_file_write_atomic(l.work, data, n, &err), &err);
    lk_hash before, after;
    CHECK_OK(lk_hash_file(l.work, &before, &err), &err);
    CHECK_STATUS(lesson_train(&l, &r, NULL, NULL), LK_E_FORMAT, &err);
    CHECK_OK(lk_hash_file(l.work, &after, &err), &err);
    CHECK(lk_hash_equal(&before, &after), "the damaged checkpoint was replaced");
    lk_free(data);
    lesson_close(&l);
}

static const char *self;

/* What the killed process needs to find its way: the registry and datasets in DIR. */
static void reopen(lesson *l, const char *dir)
{
    lk_subject s;
    char path[128];
    memset(l, 0, sizeof *l);
    snprintf(l->world.dir, sizeof l->world.dir, "%s", dir);
    drawn_path(&l->world, "registry", path);
    CHECK_OK(lk_registry_open(path, false, &l->world.registry, &err), &err);
    CHECK_OK(lk_subject_find(l->world.registry, "ann", &s, &err), &err);
    CHECK_OK(lk_grant_get(l->world.registry, s.id, LK_USE_FACE_SOURCE, "test", &l->world.source, &err), &err);
    CHECK_OK(lk_subject_find(l->world.registry, "bob", &s, &err), &err);
    CHECK_OK(lk_grant_get(l->world.registry, s.id, LK_USE_FACE_TARGET, "test", &l->world.target, &err), &err);
    CHECK_OK(lk_dataset_open(drawn_path(&l->world, "source.dataset", l->source_path), l->world.source,
                             LK_USE_FACE_SOURCE, &l->source, &err), &err);
    CHECK_OK(lk_dataset_open(drawn_path(&l->world, "target.dataset", l->target_path), l->world.target,
                             LK_USE_FACE_TARGET, &l->target, &err), &err);
    lesson_options(l, STEPS);
    l->o.resume = true;
    l->o.checkpoint_seconds = 1;
}

static int child(const char *dir)
{
    lesson l;
    lk_swap_train_report r;
    reopen(&l, dir);
    if (check_failures) return 1;
    lk_status s = lesson_train(&l, &r, NULL, NULL);
    if (s != LK_OK) printf("# %s\n", err.message);
    lk_dataset_close(&l.source);
    lk_dataset_close(&l.target);
    lk_grant_free(&l.world.source);
    lk_grant_free(&l.world.target);
    lk_registry_close(&l.world.registry);
    return s == LK_OK ? 0 : 1;
}

static pid_t start(const char *dir)
{
    pid_t pid = -1;
    char *argv[] = {(char *)(uintptr_t)self, (char *)(uintptr_t)"--train", (char *)(uintptr_t)dir, NULL};
    CHECK(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ) == 0, "cannot start");
    return pid;
}

static void test_kill(void)
{
    lesson l;
    char whole[LK_HASH_HEX], killed[LK_HASH_HEX];
    int status = 0, kills = 0;
    lesson_open(&l, STEPS);
    pid_t pid = start(l.world.dir);
    waitpid(pid, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the training that was left alone failed");
    weights_hash(l.model, whole);
    unlink(l.model);
    unlink(l.work);
    char older[136];
    snprintf(older, sizeof older, "%s.1", l.work);
    unlink(older);
    for (int round = 0; round < 12; round++) {
        pid = start(l.world.dir);
        if (round < 2) { /* wait for a checkpoint, then a while longer, then kill */
            lk_hash h0 = {{0}}, h1 = {{0}};
            if (lk_path_exists(l.work)) CHECK_OK(lk_hash_file(l.work, &h0, &err), &err);
            double limit = lk_now() + 20;
            do {
                usleep(20000);
                if (lk_path_exists(l.work) && lk_hash_file(l.work, &h1, &err) != LK_OK) h1 = h0;
            } while (lk_hash_equal(&h0, &h1) && lk_now() < limit && waitpid(pid, &status, WNOHANG) == 0);
            usleep(30000 + 70000 * (unsigned)round);
            kill(pid, SIGKILL);
        }
        if (waitpid(pid, &status, 0) == pid && WIFSIGNALED(status)) kills++;
        else break;
    }
    CHECK(kills >= 1, "the training was never killed: it is too fast for this test");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the training did not end after %d kills", kills);
    weights_hash(l.model, killed);
    CHECK_STR(killed, whole);
    lesson_close(&l);
}

static const check_test tests[] = {{"cancel", test_cancel}, {"kill", test_kill}};

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc == 3 && !strcmp(argv[1], "--train")) return child(argv[2]);
    return check_main(argc, argv, tests, (int)LK_COUNT(tests));
}
