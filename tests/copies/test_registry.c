/* test_registry.c: rows on disk: kept through kill and reopening, shared by processes, refused when damaged, whole after
 * any failing allocation, write or sync.
 */
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "fault.h"
#include "mark/copies/internal.h"
#include "pictures.h"
#include "sqlite_fault.h"
#include "tempdir.h"

static lk_copy_entry entry_of(int number, const char *kind)
{
    lk_copy_entry e = {.created = 1700000000 + number, .watermark = 0xC0FFEE0000000000ull + (uint64_t)number};
    e.file = lk_hash_bytes(&number, sizeof number);
    snprintf(e.path, sizeof e.path, "/clips/%d.mp4", number);
    snprintf(e.kind, sizeof e.kind, "%s", kind);
    snprintf(e.manifest, sizeof e.manifest, "urn:c2pa:%d", number);
    return e;
}

static lk_copies_hashes *still(uint64_t number)
{
    lk_error err = {0};
    lk_copies_hashes *h = NULL;
    lk_image im = scene(160, 120, number);
    CHECK_OK(lk_copies_hashes_new(&h, &err), &err);
    CHECK_OK(lk_copies_hashes_image(h, &im, &err), &err);
    lk_image_clear(&im);
    return h;
}

static const char *folder(const char *name)
{
    lk_error err = {0};
    const char *dir = in_tempdir(name);
    CHECK_OK(lk_dir_make(dir, &err), &err);
    return dir;
}

static lk_status count_one(void *user, const lk_copy_entry *e)
{
    (void)e;
    ++*(int *)user;
    return LK_OK;
}

static int count_rows(lk_copies *c)
{
    lk_error err = {0};
    int n = 0;
    CHECK_OK(lk_copies_each(c, count_one, &n, &err), &err);
    return n;
}

static void test_rows(void)
{
    lk_error err = {0};
    lk_copies *c = NULL;
    const char *dir = folder("rows");
    CHECK_STATUS(lk_copies_open(dir, false, &c, &err), LK_E_NOTFOUND, &err);
    CHECK(strstr(err.message, "registry add"), "the remedy is named: %s", err.message);
    CHECK_OK(lk_copies_open(dir, true, &c, &err), &err);
    lk_copies_hashes *h = still(1);
    lk_copy_entry a = entry_of(1, "output"), b = entry_of(2, "added"), got;
    b.watermark = 0;
    CHECK_OK(lk_copies_add(c, &a, h, &err), &err);
    CHECK_OK(lk_copies_add(c, &b, NULL, &err), &err);
    CHECK_OK(lk_copies_by_watermark(c, a.watermark, &got, &err), &err);
    CHECK(!memcmp(&got.file, &a.file, sizeof a.file) && !strcmp(got.path, a.path) && !strcmp(got.manifest, a.manifest) &&
              got.watermark == a.watermark && got.created == a.created, "the row comes back");
    CHECK_STATUS(lk_copies_by_watermark(c, 7, &got, &err), LK_E_NOTFOUND, &err);
    CHECK_STATUS(lk_copies_by_watermark(c, 0, &got, &err), LK_E_NOTFOUND, &err); /* none is no id */
    /* Found again in a folder: an output stays an output, under the path where it is now. */
    lk_copy_entry again = a;
    strcpy(again.kind, "added");
    strcpy(again.path, "/elsewhere/1.mp4");
    again.manifest[0] = 0;
    again.watermark = 0;
    CHECK_OK(lk_copies_add(c, &again, h, &err), &err);
    CHECK_OK(lk_copies_by_file(c, &a.file, &got, &err), &err);
    CHECK(!strcmp(got.kind, "output") && !strcmp(got.path, again.path) && !strcmp(got.manifest, a.manifest) && got.watermark == a.watermark,
          "%s %s %s", got.kind, got.path, got.manifest);
    CHECK_INT(count_rows(c), 2);
    lk_copy_entry bad = entry_of(3, "secret");
    CHECK_STATUS(lk_copies_add(c, &bad, h, &err), LK_E_ARG, &err);
    CHECK_OK(lk_copies_remove(c, &b.file, &err), &err);
    CHECK_STATUS(lk_copies_remove(c, &b.file, &err), LK_E_NOTFOUND, &err);
    CHECK_STATUS(lk_copies_by_file(c, &b.file, &got, &err), LK_E_NOTFOUND, &err);
    lk_copies_close(&c);
    CHECK(!c, "closed");
    CHECK_OK(lk_copies_open(dir, false, &c, &err), &err);
    lk_copy_match m[4];
    int n = 0;
    CHECK_OK(lk_copies_search(c, h, NULL, m, 4, &n, &err), &err);
    CHECK(n == 1 && m[0].distance == 0 && m[0].level == LK_COPY_SURE, "%d found after reopening", n);
    lk_copies_hashes_free(&h);
    lk_copies_close(&c);
}

/* What one process adds, another that has the registry open finds; both may add at once. */
static void test_processes(void)
{
    enum { EACH = 12 };
    lk_error err = {0};
    lk_copies *c = NULL;
    lk_copy_match m[4];
    int n = 0;
    const char *dir = folder("processes");
    CHECK_OK(lk_copies_open(dir, true, &c, &err), &err);
    lk_copies_hashes *last = still(EACH - 1);
    CHECK_OK(lk_copies_search(c, last, NULL, m, 4, &n, &err), &err);
    CHECK_INT(n, 0);
    for (int who = 0; who < 2; who++) {
        if (fork()) continue;
        lk_copies *mine = NULL;
        lk_status s = lk_copies_open(dir, true, &mine, &err);
        for (int i = 0; i < EACH && s == LK_OK; i++) {
            lk_copy_entry e = entry_of(100 * who + i, "added");
            lk_copies_hashes *h = still((uint64_t)(100 * who + i));
            s = lk_copies_add(mine, &e, h, &err);
            lk_copies_hashes_free(&h);
        }
        _exit(s == LK_OK ? 0 : 1);
    }
    for (int who = 0; who < 2; who++) {
        int status = 1;
        wait(&status);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a process could not add");
    }
    CHECK_INT(count_rows(c), 2 * EACH);
    CHECK_OK(lk_copies_search(c, last, NULL, m, 4, &n, &err), &err);
    CHECK(n == 1 && !strcmp(m[0].entry.path, "/clips/11.mp4"), "%d found", n);
    lk_copies_hashes_free(&last);
    lk_copies_close(&c);
}

/* kill -9 at any moment: what was said to be added is there, nothing is half there. */
static void test_killed(void)
{
    const char *dir = folder("killed");
    int before = 0;
    for (int round = 0; round < 8; round++) {
        int pipes[2];
        CHECK(pipe(pipes) == 0, "a pipe");
        pid_t pid = fork();
        if (pid == 0) {
            lk_error err = {0};
            lk_copies *c = NULL;
            lk_status s = lk_copies_open(dir, true, &c, &err);
            lk_copies_hashes *h = still((uint64_t)round);
            for (int i = 0; s == LK_OK && i < 2000; i++) {
                lk_copy_entry e = entry_of(10000 * round + i, "added");
                s = lk_copies_add(c, &e, h, &err);
                if (s == LK_OK && write(pipes[1], "+", 1) != 1) break;
            }
            _exit(0);
        }
        close(pipes[1]);
        char c;
        int told = 0;
        for (int i = 0; i < 1 + round * 3 && read(pipes[0], &c, 1) == 1; i++) told++;
        kill(pid, SIGKILL);
        while (read(pipes[0], &c, 1) == 1) told++;
        close(pipes[0]);
        waitpid(pid, NULL, 0);
        lk_error err = {0};
        lk_copies *reg = NULL;
        CHECK_OK(lk_copies_open(dir, false, &reg, &err), &err);
        if (!reg) return;
        CHECK_OK(lk_store_check(reg->db, &err), &err);
        int now = count_rows(reg);
        CHECK(now - before == told || now - before == told + 1, "%d rows, %d were told", now - before, told);
        CHECK_OK(copies_load(reg, &err), &err);
        CHECK_INT(reg->flat.files, now);
        before = now;
        lk_copies_close(&reg);
    }
}

static void overwrite(const char *path, long from, int n)
{
    FILE *f = fopen(path, "r+b");
    CHECK(f != NULL, "%s", path);
    if (!f) return;
    fseek(f, from, SEEK_SET);
    for (int i = 0; i < n; i++) fputc(0x5A ^ i, f);
    fclose(f);
}

static void fill_registry(const char *dir)
{
    lk_error err = {0};
    lk_copies *c = NULL;
    CHECK_OK(lk_copies_open(dir, true, &c, &err), &err);
    for (int i = 0; i < 20; i++) {
        lk_copy_entry e = entry_of(i, "added");
        lk_copies_hashes *h = still((uint64_t)i);
        CHECK_OK(lk_copies_add(c, &e, h, &err), &err);
        lk_copies_hashes_free(&h);
    }
    lk_copies_close(&c);
}

static void test_damaged(void)
{
    lk_error err = {0};
    lk_copies *c = NULL;
    const char *dir = folder("damaged");
    char path[400];
    snprintf(path, sizeof path, "%s/copies.db", dir);
    fill_registry(dir);
    overwrite(path, 4096 * 3, 4096);
    CHECK_STATUS(lk_copies_open(dir, false, &c, &err), LK_E_FORMAT, &err);
    CHECK(!c && strstr(err.message, path) && strstr(err.message, "registry add"), "file and remedy are named: %s", err.message);
    FILE *f = fopen(path, "w");
    fputs("this is no database at all, whatever its name says", f);
    fclose(f);
    CHECK_STATUS(lk_copies_open(dir, true, &c, &err), LK_E_FORMAT, &err);
    CHECK(strstr(err.message, "registry add"), "%s", err.message);
}

/* A database that is whole, with rows that somebody bent. */
static void test_bent(void)
{
    static const char *const bends[] = {"UPDATE look SET hashes = x'00'", "UPDATE look SET hashes = zeroblob(49)", "DELETE FROM state",
                                        "PRAGMA foreign_keys=OFF; DELETE FROM file",
                                        "INSERT INTO sound SELECT id, x'010203' FROM file LIMIT 1",
                                        "UPDATE file SET path = printf('%.2000c', 'x')", "UPDATE file SET hash = x'11' WHERE id = 1"};
    for (size_t i = 0; i < LK_COUNT(bends); i++) {
        lk_error err = {0};
        lk_copies *c = NULL;
        lk_copy_match m[4];
        int n = 0, rows = 0;
        char name[20], path[400];
        snprintf(name, sizeof name, "bent-%zu", i);
        const char *dir = folder(name);
        snprintf(path, sizeof path, "%s/copies.db", dir);
        fill_registry(dir);
        sqlite3 *db = NULL;
        CHECK(sqlite3_open(path, &db) == SQLITE_OK && sqlite3_exec(db, bends[i], NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
        sqlite3_close(db);
        lk_copies_hashes *h = still(0);
        CHECK_OK(lk_copies_open(dir, false, &c, &err), &err);
        lk_status s = c ? lk_copies_search(c, h, NULL, m, 4, &n, &err) : LK_E_BUG;
        if (s == LK_OK) s = lk_copies_each(c, count_one, &rows, &err);
        CHECK(s == LK_E_FORMAT, "%s: status %d", bends[i], s);
        CHECK(err.message[0], "says why");
        lk_copies_hashes_free(&h);
        lk_copies_close(&c);
    }
}

static void test_fault_alloc(void)
{
    lk_image im = scene(48, 40, 3);
    int round = 0;
    FAULT_LOOP_STEP(LK_FAULT_ALLOC, false, 3, {
        lk_error err = {0};
        lk_copies *c = NULL;
        lk_copies_hashes *h = NULL;
        lk_copy_match m[2];
        int n = 0;
        lk_copy_entry e = entry_of(round++, "added");
        lk_status s = lk_copies_open(tempdir, true, &c, &err);
        if (s == LK_OK) s = lk_copies_hashes_new(&h, &err);
        if (s == LK_OK) s = lk_copies_hashes_image(h, &im, &err);
        if (s == LK_OK) s = lk_copies_add(c, &e, h, &err);
        if (s == LK_OK) s = lk_copies_search(c, h, &e.file, m, 2, &n, &err);
        if (s == LK_OK) CHECK(n >= 1 && m[0].exact, "%d found", n);
        CHECK(fault_clean(s), "status %d: %s", s, err.message);
        lk_copies_hashes_free(&h);
        lk_copies_close(&c);
    });
    lk_image_clear(&im);
}

/* A clip of moving scenes, hashed frame by frame, added and found again, with every allocation failing in turn. */
static void test_fault_clip(void)
{
    enum { FRAMES = 20 };
    lk_frame *frames[FRAMES] = {NULL};
    lk_error err = {0};
    int round = 0;
    char dir[200]; /* a registry of its own: each of some thousand rounds reads all that is in it */
    snprintf(dir, sizeof dir, "%s", in_tempdir("clips"));
    CHECK_OK(lk_dir_make(dir, &err), &err);
    for (int i = 0; i < FRAMES; i++) {
        lk_image im = scene(80, 60, i < FRAMES / 2 ? 1 : 2);
        const float white[3] = {1, 1, 1};
        lk_draw_dot(&im, (float)(8 + 4 * i), 30, 9, white);
        CHECK_OK(lk_frame_from_image(&im, &frames[i], &err), &err);
        lk_image_clear(&im);
    }
    FAULT_LOOP_STEP(LK_FAULT_ALLOC, false, 7, {
        lk_copies *c = NULL;
        lk_copies_hashes *h = NULL;
        lk_copy_match m[2];
        int n = 0;
        lk_copy_entry e = entry_of(500 + round++, "added");
        lk_status s = lk_copies_open(dir, true, &c, &err);
        if (s == LK_OK) s = lk_copies_hashes_new(&h, &err);
        for (int i = 0; i < FRAMES && s == LK_OK; i++) s = lk_copies_hashes_frame(h, frames[i], i / 8.0, &err);
        if (s == LK_OK) s = lk_copies_add(c, &e, h, &err);
        if (s == LK_OK) s = lk_copies_search(c, h, NULL, m, 2, &n, &err);
        if (s == LK_OK) CHECK(n >= 1 && m[0].level == LK_COPY_SURE, "%d found", n);
        CHECK(fault_clean(s), "status %d: %s", s, err.message);
        if (s == LK_OK) s = lk_copies_remove(c, &e.file, &err); /* or each round would compare with all before */
        CHECK(fault_clean(s), "status %d: %s", s, err.message);
        lk_copies_hashes_free(&h);
        lk_copies_close(&c);
    });
    for (int i = 0; i < FRAMES; i++) lk_frame_unref(&frames[i]);
}

static void test_fault_disk(void)
{
    lk_error err = {0};
    lk_copies *c = NULL;
    lk_copies_hashes *h = still(4);
    const char *dir = folder("disk");
    CHECK_OK(lk_copies_open(dir, true, &c, &err), &err);
    lk_copies_close(&c);
    int number = 0;
    for (int kind = LK_FAULT_WRITE; kind <= LK_FAULT_SYNC; kind++) {
        int64_t nth = 1;
        for (bool more = true; more && nth < 1000; nth++) {
            lk_copy_entry e = entry_of(number++, "added"), got;
            lk_fault_set((lk_fault_kind)kind, nth, true);
            lk_status s = lk_copies_open(dir, false, &c, &err);
            if (s == LK_OK) s = lk_copies_add(c, &e, h, &err);
            CHECK(fault_clean(s), "status %d: %s", s, err.message);
            lk_copies_close(&c);
            more = lk_fault_count((lk_fault_kind)kind) >= nth;
            lk_fault_set((lk_fault_kind)kind, 0, false);
            CHECK_OK(lk_copies_open(dir, false, &c, &err), &err); /* all of it, or nothing */
            lk_status there = lk_copies_by_file(c, &e.file, &got, &err);
            CHECK(there == LK_OK || (s != LK_OK && there == LK_E_NOTFOUND), "%d after %d", there, s);
            CHECK_OK(copies_load(c, &err), &err);
            CHECK_INT(c->flat.files, count_rows(c));
            lk_copies_close(&c);
        }
        CHECK(nth > 3, "%d faults were hit", (int)nth - 2);
    }
    lk_copies_hashes_free(&h);
}

static const check_test tests[] = {{"rows", test_rows},       {"processes", test_processes},     {"killed", test_killed},
                                   {"damaged", test_damaged}, {"bent", test_bent},               {"fault_alloc", test_fault_alloc},
                                   {"fault_clip", test_fault_clip},
                                   {"fault_disk", test_fault_disk}};

int main(int argc, char **argv)
{
    if (!sqlite_fault_install()) return 2;
    tempdir_make("copyreg");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
