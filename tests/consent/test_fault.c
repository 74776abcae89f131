/* test_fault.c: whatever fails while consent is asked, there is no grant without its
 * audit row, no half record, and the registry works again afterwards. */
#include "fault.h"
#include "sqlite_fault.h"
#include "world.h"

/* Faults are on only inside the call: SELF names it, so that the loop can tell how far it came. */
#define WITH_FAULT(kind, s, call)                                                                            \
    do {                                                                                                     \
        lk_fault_set((kind), fault_n_, false);                                                               \
        (s) = (call);                                                                                        \
        fault_seen_ = lk_fault_count(kind);                                                                  \
        lk_fault_set((kind), 0, false);                                                                      \
    } while (0)

/* Runs BODY for n = 1, 1 + step... until the call inside came through untouched; at least one run must fail.
 */
#define EACH_FAULT(kind, step, ...)                                                                          \
    do {                                                                                                     \
        int64_t fault_n_ = 0, fault_seen_ = 0;                                                               \
        int refused_ = 0;                                                                                    \
        do {                                                                                                 \
            lk_status s = LK_OK;                                                                             \
            fault_n_ += fault_n_ ? fault_step(step) : 1;                                                     \
            __VA_ARGS__                                                                                      \
            refused_ += s != LK_OK;                                                                          \
            CHECK(fault_clean(s), "kind %d, n %d: status %d: %s", (int)(kind), (int)fault_n_, (int)s,        \
                  w.err.message);                                                                            \
        } while (fault_seen_ >= fault_n_ && fault_n_ < FAULT_LIMIT);                                         \
        /* a journal that cannot be cleared is cleared later: only reads of it come through without a        \
         * failure */                                                                                        \
        CHECK(refused_ > 0 || fault_n_ == 1 || (kind) == LK_FAULT_READ, "no fault of kind %d came through",  \
              (int)(kind));                                                                                  \
    } while (0)

static int64_t grant_rows(const world *w)
{
    return ask_number(w, "SELECT count(*) FROM audit WHERE kind = 'grant'");
}

static void test_grant(void)
{
    for (int kind = 0; kind <= LK_FAULT_SYNC; kind++) {
        world w = world_new("grant");
        int64_t last = 0;
        EACH_FAULT((lk_fault_kind)kind, kind == LK_FAULT_ALLOC ? 3 : 1, {
            lk_grant *g = NULL;
            int64_t before = grant_rows(&w);
            WITH_FAULT((lk_fault_kind)kind, s,
                       lk_grant_get(w.r, "Ann", LK_USE_FACE_SOURCE, "fault", &g, &w.err));
            CHECK((s == LK_OK) == (g != NULL), "status %d with grant %p", (int)s, (void *)g);
            if (g) {
                CHECK_INT(grant_rows(&w), before + 1);
                CHECK_OK(lk_grant_check(g, LK_USE_FACE_SOURCE, &w.err), &w.err);
            }
            lk_grant_free(&g);
            last = fault_n_;
        });
        printf("# kind %d: %d faults in one grant\n", kind, (int)last - 1);
        CHECK(last > 1 || kind == LK_FAULT_READ, "kind %d is never used", kind);
        CHECK_OK(lk_audit_verify(w.r, NULL, &w.err), &w.err);
        world_reopen(&w);
        CHECK_INT(try_grant(&w, "Ann", LK_USE_FACE_SOURCE), LK_OK);
        world_close(&w);
    }
}

static void test_check(void)
{
    for (int kind = 0; kind <= LK_FAULT_SYNC; kind++) {
        world w = world_new("check");
        lk_grant *g = NULL;
        CHECK_OK(lk_grant_get(w.r, "Ann", LK_USE_FACE_SOURCE, "fault", &g, &w.err), &w.err);
        CHECK_OK(lk_consent_revoke(w.r, w.ann_record.id, "no more", &w.err), &w.err);
        int64_t n = 0, seen;
        do { /* revoked: no failure on the way may turn this into a yes */
            lk_fault_set((lk_fault_kind)kind, ++n, false);
            lk_status s = lk_grant_check(g, LK_USE_FACE_SOURCE, &w.err);
            seen = lk_fault_count((lk_fault_kind)kind);
            lk_fault_set((lk_fault_kind)kind, 0, false);
            CHECK(s == LK_E_CONSENT || s == LK_E_NOMEM || s == LK_E_IO, "kind %d, n %d: status %d", kind,
                  (int)n, (int)s);
        } while (seen >= n && n < FAULT_LIMIT);
        CHECK_STATUS(lk_grant_check(g, LK_USE_FACE_SOURCE, &w.err), LK_E_CONSENT, &w.err);
        lk_grant_free(&g);
        world_close(&w);
    }
}

static void test_issue_and_revoke(void)
{
    for (int kind = 0; kind <= LK_FAULT_SYNC; kind++) {
        world w = world_new("issue");
        EACH_FAULT((lk_fault_kind)kind, kind == LK_FAULT_ALLOC ? 7 : 1, {
            int64_t records = ask_number(&w, "SELECT count(*) FROM record");
            int64_t rows = ask_number(&w, "SELECT count(*) FROM audit");
            WITH_FAULT((lk_fault_kind)kind, s,
                       lk_consent_issue(w.r, "Ann", LK_USE_LIPS, DAY, "film", "lips", NULL, &w.err));
            records = ask_number(&w, "SELECT count(*) FROM record") - records;
            rows = ask_number(&w, "SELECT count(*) FROM audit") - rows;
            CHECK(records == rows && (s != LK_OK || rows == 1), "%d records, %d rows after status %d",
                  (int)records, (int)rows, (int)s);
        });
        EACH_FAULT((lk_fault_kind)kind, kind == LK_FAULT_ALLOC ? 7 : 1, {
            lk_consent_record c;
            CHECK_OK(lk_consent_issue(w.r, "Ann", LK_USE_VOICE, DAY, "film", "voice", &c, &w.err), &w.err);
            WITH_FAULT((lk_fault_kind)kind, s, lk_consent_revoke(w.r, c.id, "no more", &w.err));
            CHECK_INT(ask_number(&w, "SELECT count(*) FROM revocation"),
                      ask_number(&w, "SELECT count(*) FROM audit WHERE kind = 'revoke'"));
        });
        CHECK_OK(lk_audit_verify(w.r, NULL, &w.err), &w.err);
        world_close(&w);
    }
}

/* Records and their versions on the one side, rows of the log on the other: always the same number. */
static void expect_paired(const world *w, lk_status s, int64_t n)
{
    int64_t versions = ask_number(w, "SELECT count(*) FROM version");
    int64_t rows = ask_number(w, "SELECT count(*) FROM audit WHERE kind IN ('consent', 'amend')");
    CHECK(versions == rows, "fault %d, status %d: %d versions, %d rows", (int)n, (int)s, (int)versions,
          (int)rows);
    CHECK_INT(ask_number(w, "SELECT count(*) FROM revocation"),
              ask_number(w, "SELECT count(*) FROM audit WHERE kind = 'revoke'"));
}

/* Asking, answering, accepting, amending, withdrawing: half of none. */
static void test_two_hands(void)
{
    uint8_t pub[LK_SIGN_PUBLIC], sec[LK_SIGN_SECRET];
    for (int kind = 0; kind < LK_FAULT_KINDS; kind++) {
        world w = world_new("hands");
        lk_consent_draft d = {.subject = "Ann", .terms.uses = LK_USE_LIPS};
        strcpy(d.terms.statement, "lips");
        strcpy(d.personal.legal_name, "Ann A. Other");
        CHECK_OK(lk_sign_keypair(pub, sec, &w.err), &w.err);
        EACH_FAULT((lk_fault_kind)kind, kind == LK_FAULT_ALLOC ? 31 : 1, {
            lk_bytes file = {0};
            lk_bytes answer = {0};
            lk_consent_question q;
            int64_t asked = ask_number(&w, "SELECT count(*) FROM request");
            WITH_FAULT((lk_fault_kind)kind, s, lk_consent_request(w.r, &d, NULL, &file, NULL, &w.err));
            int64_t rows = ask_number(&w, "SELECT count(*) FROM audit WHERE kind = 'request'");
            CHECK(ask_number(&w, "SELECT count(*) FROM request") - asked == (s == LK_OK), "status %d",
                  (int)s);
            CHECK_INT(rows, ask_number(&w, "SELECT count(*) FROM request") +
                                ask_number(&w, "SELECT count(*) FROM audit WHERE kind = 'consent' AND "
                                               "instr(detail, 'own_key')"));
            if (s == LK_OK) { /* and the answer, under the same faults */
                int64_t seen = fault_seen_;
                CHECK_OK(lk_consent_question_read(file.b, file.len, &q, &w.err), &w.err);
                WITH_FAULT((lk_fault_kind)kind, s, lk_consent_answer(&q, pub, sec, &answer, &w.err));
                lk_bytes_clear(&answer);
                CHECK_OK(lk_consent_answer(&q, pub, sec, &answer, &w.err), &w.err);
                fault_seen_ = LK_MAX(seen, fault_seen_);
            }
            lk_bytes_clear(&file);
            lk_bytes_clear(&answer);
        });
        EACH_FAULT((lk_fault_kind)kind, kind == LK_FAULT_ALLOC ? 31 : 1, {
            lk_bytes file = {0};
            lk_bytes answer = {0};
            lk_bytes letter = {0};
            lk_consent_question q;
            lk_consent_record c;
            CHECK_OK(lk_consent_request(w.r, &d, NULL, &file, NULL, &w.err), &w.err);
            CHECK_OK(lk_consent_question_read(file.b, file.len, &q, &w.err), &w.err);
            CHECK_OK(lk_consent_answer(&q, pub, sec, &answer, &w.err), &w.err);
            WITH_FAULT((lk_fault_kind)kind, s, lk_consent_accept(w.r, answer.b, answer.len, &c, &w.err));
            expect_paired(&w, s, fault_n_);
            if (s == LK_OK) {
                int64_t seen = fault_seen_;
                CHECK_OK(lk_consent_withdraw(answer.b, answer.len, NULL, pub, sec, &letter, &w.err), &w.err);
                WITH_FAULT((lk_fault_kind)kind, s, lk_consent_accept(w.r, letter.b, letter.len, &c, &w.err));
                expect_paired(&w, s, fault_n_);
                fault_seen_ = LK_MAX(seen, fault_seen_);
            }
            lk_bytes_clear(&file);
            lk_bytes_clear(&answer);
            lk_bytes_clear(&letter);
        });
        CHECK_OK(lk_audit_verify(w.r, NULL, &w.err), &w.err);
        world_close(&w);
    }
}

static void test_amend(void)
{
    for (int kind = 0; kind < LK_FAULT_KINDS; kind++) {
        world w = world_new("amend");
        lk_consent_detail d;
        EACH_FAULT((lk_fault_kind)kind, kind == LK_FAULT_ALLOC ? 31 : 1, {
            CHECK_OK(lk_consent_show(w.r, w.ann_record.id, &d, &w.err), &w.err);
            lk_consent_draft more = {.subject = "Ann", .terms = d.terms};
            more.terms.quota = d.terms.quota + 1;
            WITH_FAULT((lk_fault_kind)kind, s, lk_consent_sign(w.r, &more, NULL, &w.err));
            expect_paired(&w, s, fault_n_);
            CHECK_OK(lk_consent_show(w.r, w.ann_record.id, &d, &w.err), &w.err);
            CHECK_STR(d.state, "valid");
            CHECK_INT(d.terms.quota, more.terms.quota - (s != LK_OK));
        });
        CHECK_OK(lk_audit_verify(w.r, NULL, &w.err), &w.err);
        world_close(&w);
    }
}

/* A quota of one: no fault on the way makes room for a second output, and none is recorded without its row.
 */
static void test_quota(void)
{
    for (int kind = 0; kind < LK_FAULT_KINDS; kind++) {
        world w = world_new("quota");
        lk_grant *g = NULL;
        lk_consent_draft d = {.subject = "Ann", .terms.uses = LK_USE_LIPS, .terms.quota = 1};
        strcpy(d.terms.statement, "lips");
        CHECK_OK(lk_consent_sign(w.r, &d, NULL, &w.err), &w.err);
        CHECK_OK(lk_grant_get(w.r, "Ann", LK_USE_LIPS, "fault", &g, &w.err), &w.err);
        const lk_grant *one = g;
        int64_t n = 0, seen;
        do {
            char path[32];
            snprintf(path, sizeof path, "%d.mp4", (int)++n);
            lk_asset a = {.hash = lk_hash_bytes(path, strlen(path)), .kind = "output", .created = START};
            lk_fault_set((lk_fault_kind)kind, n, false);
            lk_status s = lk_lineage_add(w.r, &a, NULL, 0, &one, 1, &w.err);
            seen = lk_fault_count((lk_fault_kind)kind);
            lk_fault_set((lk_fault_kind)kind, 0, false);
            int64_t made = ask_number(&w, "SELECT count(*) FROM asset");
            CHECK(made <= 1 && made == ask_number(&w, "SELECT count(*) FROM audit WHERE kind = 'asset'"),
                  "fault %d: %d outputs, status %d", (int)n, (int)made, (int)s);
            CHECK(s == LK_OK || s == LK_E_CONSENT || fault_clean(s), "kind %d, n %d: status %d: %s", kind,
                  (int)n, (int)s, w.err.message);
        } while (seen >= n && n < FAULT_LIMIT);
        CHECK_INT(ask_number(&w, "SELECT count(*) FROM asset"), 1);
        CHECK_OK(lk_audit_verify(w.r, NULL, &w.err), &w.err);
        lk_grant_free(&g);
        world_close(&w);
    }
}

static void test_subject(void)
{
    for (int kind = 0; kind <= LK_FAULT_SYNC; kind++) {
        world w = world_new("subject");
        char keys[160];
        snprintf(keys, sizeof keys, "%s/keys", w.dir);
        EACH_FAULT((lk_fault_kind)kind, kind == LK_FAULT_ALLOC ? 7 : 1, {
            char name[32];
            snprintf(name, sizeof name, "actor %d", (int)fault_n_);
            WITH_FAULT((lk_fault_kind)kind, s, lk_subject_add(w.r, name, true, NULL, &w.err));
            int64_t people = ask_number(&w, "SELECT count(*) FROM subject");
            CHECK(count_entries(keys) == people + 2, "%d files for %d people after status %d",
                  count_entries(keys), (int)people, (int)s);
        });
        CHECK_OK(lk_audit_verify(w.r, NULL, &w.err), &w.err);
        world_close(&w);
    }
}

/* Making the registry itself: afterwards it can be opened, or made anew. */
static void test_open(void)
{
    for (int kind = 0; kind <= LK_FAULT_SYNC; kind++) {
        world w = {.r = NULL};
        int64_t faults = 0;
        snprintf(w.dir, sizeof w.dir, "%.100s", in_tempdir("open"));
        EACH_FAULT((lk_fault_kind)kind, kind == LK_FAULT_ALLOC ? 37 : 1, {
            faults = fault_n_;
            WITH_FAULT((lk_fault_kind)kind, s, lk_registry_open(w.dir, true, &w.r, &w.err));
            CHECK((s == LK_OK) == (w.r != NULL), "status %d", (int)s);
            lk_registry_close(&w.r);
            CHECK_OK(lk_registry_open(w.dir, true, &w.r, &w.err), &w.err);
            if (w.r) CHECK_OK(lk_subject_add(w.r, "Ann", true, &w.ann, &w.err), &w.err);
            if (w.r) CHECK_OK(lk_audit_verify(w.r, NULL, &w.err), &w.err);
            lk_registry_close(&w.r);
            tempdir_clear(w.dir);
        });
        printf("# kind %d: %d faults in making a registry\n", kind, (int)faults - 1);
    }
}

static const check_test tests[] = {
    {"grant", test_grant},         {"check", test_check}, {"issue and revoke", test_issue_and_revoke},
    {"two hands", test_two_hands}, {"amend", test_amend}, {"quota", test_quota},
    {"subject", test_subject},     {"open", test_open},
};

int main(int argc, char **argv)
{
    if (!sqlite_fault_install()) return 1;
    tempdir_make("cfault");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
