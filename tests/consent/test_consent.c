/* test_consent.c: who is granted what, and every way to be refused. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "world.h"

static void test_subjects(void)
{
    world w = world_new("subjects");
    lk_subject s;
    CHECK_OK(lk_subject_find(w.r, "Ann", &s, &w.err), &w.err);
    CHECK_STR(s.id, w.ann.id);
    CHECK(!s.depicts_nobody && s.created == START, "Ann came back changed");
    CHECK_OK(lk_subject_find(w.r, w.bob.id, &s, &w.err), &w.err);
    CHECK_STR(s.name, "Bob");
    CHECK(s.depicts_nobody, "Bob is synthetic");
    CHECK_STATUS(lk_subject_find(w.r, "Eve", &s, &w.err), LK_E_NOTFOUND, &w.err);
    CHECK_STATUS(lk_subject_add(w.r, "Ann", false, &s, &w.err), LK_E_STATE, &w.err);
    CHECK_STATUS(lk_subject_add(w.r, "", false, &s, &w.err), LK_E_ARG, &w.err);
    CHECK_STATUS(lk_subject_add(w.r, " Eve", false, &s, &w.err), LK_E_ARG, &w.err);
    CHECK_STATUS(lk_subject_add(w.r, "E\nve", false, &s, &w.err), LK_E_ARG, &w.err);
    CHECK_STATUS(lk_subject_add(w.r, "\xFF\xFE", false, &s, &w.err), LK_E_ARG, &w.err);
    CHECK_STATUS(lk_subject_add(w.r, w.ann.id, false, &s, &w.err), LK_E_ARG, &w.err);
    char longest[200];
    memset(longest, 'x', sizeof longest);
    longest[128] = '\0';
    CHECK_STATUS(lk_subject_add(w.r, longest, false, &s, &w.err), LK_E_RANGE, &w.err);
    longest[127] = '\0';
    CHECK_OK(lk_subject_add(w.r, longest, false, &s, &w.err), &w.err);
    CHECK_OK(lk_subject_add(w.r, "Zo\xC3\xAB \"Z\"", false, &s, &w.err), &w.err);
    CHECK_OK(lk_subject_find(w.r, "Zo\xC3\xAB \"Z\"", &s, &w.err), &w.err);
    world_close(&w);
}

static void test_rights(void)
{
    world w = world_new("rights");
    char path[256];
    struct stat st;
    snprintf(path, sizeof path, "%s/keys", w.dir);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0700, "keys/ has rights %o", st.st_mode & 0777u);
    CHECK_INT(count_entries(path), 4); /* the studio's, two people's, and the tip; no scraps */
    snprintf(path, sizeof path, "%s/keys/studio.key", w.dir);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "studio.key has rights %o",
          st.st_mode & 0777u);
    chmod(path, 0640);
    lk_registry *other = NULL;
    CHECK_STATUS(lk_registry_open(w.dir, false, &other, &w.err), LK_E_CONSENT, &w.err);
    chmod(path, 0600);
    snprintf(path, sizeof path, "%s/keys/subject-%s.key", w.dir, w.ann.id);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "a subject's key has rights %o",
          st.st_mode & 0777u);
    snprintf(path, sizeof path, "%s/registry.db", w.dir);
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "registry.db has rights %o",
          st.st_mode & 0777u);
    world_close(&w);
}

static void test_granted(void)
{
    world w = world_new("granted");
    lk_grant *g = NULL;
    int64_t rows = 0;
    CHECK_OK(lk_grant_get(w.r, "Ann", LK_USE_FACE_SOURCE, "train swap", &g, &w.err), &w.err);
    CHECK_STR(lk_grant_subject_id(g), w.ann.id);
    CHECK_STR(lk_grant_subject_name(g), "Ann");
    CHECK_STR(lk_grant_record_id(g), w.ann_record.id);
    CHECK(!lk_grant_depicts_nobody(g), "Ann exists");
    CHECK_OK(lk_grant_check(g, LK_USE_FACE_SOURCE, &w.err), &w.err);
    CHECK_STATUS(lk_grant_check(g, LK_USE_VOICE, &w.err), LK_E_CONSENT,
                 &w.err); /* agreed to, but not asked for */
    CHECK_STATUS(lk_grant_check(NULL, LK_USE_FACE_SOURCE, &w.err), LK_E_CONSENT, &w.err);
    CHECK_STATUS(lk_grant_check(NULL, LK_USE_FACE_SOURCE, NULL), LK_E_CONSENT, &w.err);
    CHECK_OK(lk_audit_verify(w.r, &rows, &w.err), &w.err);
    CHECK_INT(rows, 6);      /* registry, 2 subjects, 2 records, 1 grant */
    lk_registry_close(&w.r); /* a grant outlives the handle */
    CHECK_OK(lk_grant_check(g, LK_USE_FACE_SOURCE, &w.err), &w.err);
    lk_grant_free(&g);
    CHECK(!g, "freed");
    lk_grant_free(&g);
    CHECK_STATUS(lk_registry_open(in_tempdir("nothing here"), false, &w.r, &w.err), LK_E_NOTFOUND, &w.err);
    world_close(&w);
}

static void test_refusals(void)
{
    world w = world_new("refusals");
    lk_subject eve;
    CHECK_OK(lk_subject_add(w.r, "Eve", false, &eve, &w.err), &w.err);
    int64_t grants = ask_number(&w, "SELECT count(*) FROM audit WHERE kind = 'grant'");
    CHECK_REFUSED(&w, "Nobody", LK_USE_FACE_SOURCE, "Nobody");          /* unknown */
    CHECK_REFUSED(&w, "Eve", LK_USE_FACE_SOURCE, "agreed to nothing");  /* absent */
    CHECK_REFUSED(&w, "Ann", LK_USE_FACE_TARGET, "not to face-target"); /* other purpose */
    CHECK_REFUSED(&w, "Bob", LK_USE_FACE_SOURCE, "not to face-source");
    CHECK_STATUS(try_grant(&w, "Ann", (lk_use)0), LK_E_ARG, &w.err);
    CHECK_STATUS(try_grant(&w, "Ann", (lk_use)(LK_USE_FACE_SOURCE | LK_USE_VOICE)), LK_E_ARG, &w.err);
    CHECK_STATUS(try_grant(&w, "Ann", (lk_use)64), LK_E_ARG, &w.err);
    CHECK_STATUS(try_grant(&w, NULL, LK_USE_VOICE), LK_E_CONSENT, &w.err);
    lk_wall_time_set(START + 30 * DAY); /* expired */
    CHECK_REFUSED(&w, "Ann", LK_USE_FACE_SOURCE, "expired");
    CHECK_INT(ask_number(&w, "SELECT count(*) FROM audit WHERE kind = 'grant'"), grants);
    lk_wall_time_set(START + 30 * DAY - 1);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_FACE_SOURCE), LK_OK);
    world_close(&w);
}

static void test_revoked(void)
{
    world w = world_new("revoked");
    lk_grant *g = NULL;
    lk_wall_time_set(START + 100);
    CHECK_OK(lk_grant_get(w.r, "Ann", LK_USE_FACE_SOURCE, "train swap", &g, &w.err), &w.err);
    CHECK_OK(lk_grant_check(g, LK_USE_FACE_SOURCE, &w.err), &w.err);
    /* Another program revokes while this one works. */
    lk_registry *other = NULL;
    CHECK_OK(lk_registry_open(w.dir, false, &other, &w.err), &w.err);
    CHECK_OK(lk_consent_revoke(other, w.ann_record.id, "changed my mind", &w.err), &w.err);
    CHECK_OK(lk_consent_revoke(other, w.ann_record.id, "said so already", &w.err), &w.err);
    CHECK_STATUS(lk_consent_revoke(other, w.ann.id, "not a record", &w.err), LK_E_NOTFOUND, &w.err);
    lk_registry_close(&other);
    CHECK_STATUS(lk_grant_check(g, LK_USE_FACE_SOURCE, &w.err), LK_E_CONSENT, &w.err);
    CHECK(strstr(w.err.message, "revoked") && strstr(w.err.message, "2027-01-15"), "%s", w.err.message);
    CHECK_REFUSED(&w, "Ann", LK_USE_FACE_SOURCE, "revoked");
    CHECK_REFUSED(&w, "Ann", LK_USE_VOICE, "revoked");
    CHECK_INT(try_grant(&w, "Bob", LK_USE_FACE_TARGET), LK_OK);
    /* A new agreement does not wake the old grant, but gives new ones. */
    lk_consent_record again;
    CHECK_OK(lk_consent_issue(w.r, "Ann", LK_USE_FACE_SOURCE, DAY, "film", "once more", &again, &w.err),
             &w.err);
    CHECK_STATUS(lk_grant_check(g, LK_USE_FACE_SOURCE, &w.err), LK_E_CONSENT, &w.err);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_FACE_SOURCE), LK_OK);
    lk_grant_free(&g);
    world_close(&w);
}

static void test_expires_in_use(void)
{
    world w = world_new("in-use");
    lk_grant *g = NULL;
    CHECK_OK(lk_grant_get(w.r, "Bob", LK_USE_FACE_TARGET, "swap", &g, &w.err), &w.err);
    lk_wall_time_set(START + 29 * DAY);
    CHECK_OK(lk_grant_check(g, LK_USE_FACE_TARGET, &w.err), &w.err);
    lk_wall_time_set(START + 30 * DAY);
    CHECK_STATUS(lk_grant_check(g, LK_USE_FACE_TARGET, &w.err), LK_E_CONSENT, &w.err);
    CHECK(strstr(w.err.message, "expired"), "%s", w.err.message);
    lk_grant_free(&g);
    world_close(&w);
}

static void test_clock(void)
{
    world w = world_new("clock");
    lk_grant *g = NULL;
    lk_wall_time_set(START + 40 * DAY);
    lk_consent_record late;
    CHECK_OK(lk_consent_issue(w.r, "Ann", LK_USE_LIPS, 90 * DAY, "film", "lips too", &late, &w.err), &w.err);
    CHECK_OK(lk_grant_get(w.r, "Ann", LK_USE_LIPS, "test", &g, &w.err), &w.err);
    lk_wall_time_set(START + 29 * DAY); /* to when the expired record was good */
    CHECK_REFUSED(&w, "Ann", LK_USE_FACE_SOURCE, "clock");
    CHECK_STATUS(lk_grant_check(g, LK_USE_LIPS, &w.err), LK_E_CONSENT, &w.err);
    CHECK_STATUS(lk_consent_issue(w.r, "Ann", LK_USE_LIPS, DAY, "film", "no", &late, &w.err), LK_E_CONSENT,
                 &w.err);
    CHECK_OK(lk_consent_revoke(w.r, w.bob_record.id, "always possible", &w.err), &w.err);
    lk_wall_time_set(START + 40 * DAY - 3600); /* an hour is a slip */
    CHECK_OK(lk_grant_check(g, LK_USE_LIPS, &w.err), &w.err);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_LIPS), LK_OK);
    CHECK_OK(lk_audit_verify(w.r, NULL, &w.err), &w.err); /* and time in the log never ran backwards */
    lk_grant_free(&g);
    world_close(&w);
}

static void test_issue(void)
{
    world w = world_new("issue");
    lk_consent_record c;
    CHECK_STATUS(lk_consent_issue(w.r, "Ann", 0, DAY, "p", "s", &c, &w.err), LK_E_ARG, &w.err);
    CHECK_STATUS(lk_consent_issue(w.r, "Ann", 1 << 20, DAY, "p", "s", &c, &w.err), LK_E_ARG, &w.err);
    CHECK_STATUS(lk_consent_issue(w.r, "Ann", LK_USE_LIPS, 0, "p", "s", &c, &w.err), LK_E_RANGE, &w.err);
    CHECK_STATUS(lk_consent_issue(w.r, "Ann", LK_USE_LIPS, 3654LL * DAY, "p", "s", &c, &w.err), LK_E_RANGE,
                 &w.err);
    CHECK_STATUS(lk_consent_issue(w.r, "Ann", LK_USE_LIPS, DAY, "p", "", &c, &w.err), LK_E_ARG, &w.err);
    CHECK_STATUS(lk_consent_issue(w.r, "Eve", LK_USE_LIPS, DAY, "p", "s", &c, &w.err), LK_E_NOTFOUND, &w.err);
    CHECK_OK(lk_consent_issue(w.r, w.ann.id, LK_USE_LIPS, 3653LL * DAY, "p",
                              "line one\nline \"two\" \xE2\x82\xAC\\", &c, &w.err),
             &w.err);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_LIPS), LK_OK);
    world_close(&w);
}

typedef struct listing {
    int n;
    char states[200];
} listing;

static lk_status add_state(void *user, const lk_consent_record *c, const char *state)
{
    listing *l = user;
    l->n++;
    strcat(l->states, state);
    strcat(l->states, " ");
    return l->n == 99 ? LK_E_CANCELLED : LK_OK;
}

static lk_status add_name(void *user, const lk_subject *s)
{
    strcat(user, s->name);
    return strlen(user) > 5 ? LK_E_CANCELLED : LK_OK;
}

static void test_lists(void)
{
    world w = world_new("lists");
    lk_consent_record c;
    listing l = {0};
    CHECK_OK(lk_consent_issue(w.r, "Ann", LK_USE_LIPS, DAY, "p", "short", &c, &w.err), &w.err);
    CHECK_OK(lk_consent_revoke(w.r, w.bob_record.id, NULL, &w.err), &w.err);
    lk_wall_time_set(START + 2 * DAY);
    CHECK_OK(lk_consent_each(w.r, "Ann", add_state, &l, &w.err), &w.err);
    CHECK_STR(l.states, "valid expired ");
    l = (listing){0};
    CHECK_OK(lk_consent_each(w.r, NULL, add_state, &l, &w.err), &w.err);
    CHECK_INT(l.n, 3);
    CHECK(strstr(l.states, "revoked"), "%s", l.states);
    l = (listing){.n = 98};
    CHECK_STATUS(lk_consent_each(w.r, NULL, add_state, &l, &w.err), LK_E_CANCELLED, &w.err);
    char names[64] = "";
    CHECK_STATUS(lk_subject_each(w.r, add_name, names, &w.err), LK_E_CANCELLED, &w.err); /* fn's own answer */
    CHECK_STR(names, "AnnBob");
    world_close(&w);
}

static void test_uses(void)
{
    lk_error err = {0};
    char words[128];
    CHECK_INT(lk_use_parse("face-source", &err), LK_USE_FACE_SOURCE);
    CHECK_INT(lk_use_parse("voice,face-target,voice", &err), LK_USE_VOICE | LK_USE_FACE_TARGET);
    lk_use_print(LK_USE_VOICE | LK_USE_FACE_TARGET | LK_USE_CHARACTER, words, sizeof words);
    CHECK_STR(words, "face-target,voice,character");
    static const char *const bad[] = {"",      "face",       "voice,", ",voice", "voice face-source",
                                      "Voice", "voice,,lips"};
    for (size_t i = 0; i < LK_COUNT(bad); i++) {
        err.message[0] = '\0';
        CHECK(lk_use_parse(bad[i], &err) == 0 && *err.message, "accepted '%s'", bad[i]);
    }
    char tiny[8];
    lk_use_print(63, tiny, sizeof tiny);
    CHECK(strlen(tiny) == 7, "'%s'", tiny);
}

/* Several programs at once on one project, which one of them makes: one chain, nothing lost. */
static void test_processes(void)
{
    enum { PROCESSES = 6, EACH = 4 };
    char dir[128];
    snprintf(dir, sizeof dir, "%.100s", in_tempdir("shared"));
    for (int p = 0; p < PROCESSES; p++) {
        if (fork() == 0) {
            lk_error err = {0};
            lk_registry *r = NULL;
            char name[32];
            snprintf(name, sizeof name, "actor %d", p);
            lk_status s = lk_registry_open(dir, true, &r, &err);
            if (s == LK_OK) s = lk_subject_add(r, name, true, NULL, &err);
            if (s == LK_OK) s = lk_consent_issue(r, name, LK_USE_FACE_SOURCE, DAY, "p", "s", NULL, &err);
            for (int i = 0; i < EACH && s == LK_OK; i++) {
                lk_grant *g = NULL;
                s = lk_grant_get(r, name, LK_USE_FACE_SOURCE, "race", &g, &err);
                if (s == LK_OK) s = lk_grant_check(g, LK_USE_FACE_SOURCE, &err);
                lk_grant_free(&g);
            }
            lk_registry_close(&r);
            if (s != LK_OK) printf("# process %d: %s\n", p, err.message);
            fflush(stdout);
            _exit(s != LK_OK);
        }
    }
    for (int p = 0; p < PROCESSES; p++) {
        int status = 1;
        wait(&status);
        CHECK_INT(status, 0);
    }
    lk_error err = {0};
    lk_registry *r = NULL;
    int64_t rows = 0;
    CHECK_OK(lk_registry_open(dir, false, &r, &err), &err);
    if (r) CHECK_OK(lk_audit_verify(r, &rows, &err), &err);
    CHECK_INT(rows, 1 + PROCESSES * (2 + EACH));
    lk_registry_close(&r);
}

/* Grants are checked by workers while the program does other things with the registry. */
typedef struct checker {
    const lk_grant *grant;
    atomic_int checks, refusals;
} checker;

static void *check_until_refused(void *user)
{
    checker *c = user;
    lk_error err;
    while (lk_grant_check(c->grant, LK_USE_FACE_SOURCE, &err) == LK_OK) atomic_fetch_add(&c->checks, 1);
    if (strstr(err.message, "revoked")) atomic_fetch_add(&c->refusals, 1);
    return NULL;
}

static void test_threads(void)
{
    world w = world_new("threads");
    lk_grant *g = NULL;
    pthread_t workers[3];
    CHECK_OK(lk_grant_get(w.r, "Ann", LK_USE_FACE_SOURCE, "test", &g, &w.err), &w.err);
    checker c = {.grant = g};
    for (int i = 0; i < 3; i++) pthread_create(&workers[i], NULL, check_until_refused, &c);
    for (int i = 0; i < 10; i++) CHECK_INT(try_grant(&w, "Bob", LK_USE_FACE_TARGET), LK_OK);
    for (double start = lk_now(); atomic_load(&c.checks) < 50 && lk_now() - start < 20;) usleep(1000);
    CHECK(atomic_load(&c.checks) >= 50, "%d checks in 20 s", atomic_load(&c.checks));
    CHECK_OK(lk_consent_revoke(w.r, w.ann_record.id, "no more", &w.err), &w.err);
    for (int i = 0; i < 3; i++) pthread_join(workers[i], NULL);
    CHECK_INT(atomic_load(&c.refusals), 3);
    lk_grant_free(&g);
    world_close(&w);
}

/* kill -9 at any moment: the log is whole, nobody is granted what has no row, work goes on. */
static void test_killed(void)
{
    world w = world_new("killed");
    lk_registry_close(&w.r);
    for (int i = 0; i < 16; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            lk_error err;
            lk_registry *r = NULL;
            lk_status s = lk_registry_open(w.dir, false, &r, &err);
            for (int k = 0; s == LK_OK; k++) {
                char name[32];
                lk_grant *g = NULL;
                snprintf(name, sizeof name, "actor %d-%d", i, k);
                s = lk_subject_add(r, name, true, NULL, &err);
                if (s == LK_OK) s = lk_consent_issue(r, name, LK_USE_LIPS, DAY, "film", "killed", NULL, &err);
                if (s == LK_OK) s = lk_grant_get(r, name, LK_USE_LIPS, "killed", &g, &err);
                lk_grant_free(&g);
            }
            printf("# worker %d: %s\n", i, err.message);
            fflush(stdout);
            _exit(1);
        }
        usleep(2000 + (useconds_t)i * 3100);
        kill(pid, SIGKILL);
        int status = 0;
        waitpid(pid, &status, 0);
        CHECK(WIFSIGNALED(status), "the worker ended by itself");
        CHECK_OK(lk_registry_open(w.dir, false, &w.r, &w.err), &w.err);
        if (!w.r) return;
        CHECK_OK(lk_audit_verify(w.r, NULL, &w.err), &w.err);
        CHECK_INT(try_grant(&w, "Ann", LK_USE_FACE_SOURCE), LK_OK);
        CHECK_INT(
            ask_number(&w, "SELECT (SELECT count(*) FROM subject) - (SELECT count(*) FROM audit WHERE kind = "
                           "'subject')"),
            0);
        CHECK_INT(
            ask_number(&w, "SELECT (SELECT count(*) FROM record) - (SELECT count(*) FROM audit WHERE kind = "
                           "'consent')"),
            0);
        lk_registry_close(&w.r);
    }
    CHECK_OK(lk_registry_open(w.dir, false, &w.r, &w.err), &w.err);
    int64_t rows = 0;
    double start = lk_now();
    CHECK_OK(lk_audit_verify(w.r, &rows, &w.err), &w.err);
    printf("# %d rows verified in %.1f ms\n", (int)rows, 1e3 * (lk_now() - start));
    world_close(&w);
}

static const check_test tests[] = {
    {"subjects", test_subjects}, {"rights", test_rights},       {"granted", test_granted},
    {"refusals", test_refusals}, {"revoked", test_revoked},     {"expires in use", test_expires_in_use},
    {"clock", test_clock},       {"issue", test_issue},         {"lists", test_lists},
    {"uses", test_uses},         {"processes", test_processes}, {"threads", test_threads},
    {"killed", test_killed},
};

int main(int argc, char **argv)
{
    tempdir_make("consent");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
