/* test_request.c: signing with two hands, and every way in which what comes back is not what was sent. */
#include "consent/internal.h"
#include "world.h"

typedef struct person {
    uint8_t pub[LK_SIGN_PUBLIC], sec[LK_SIGN_SECRET];
} person;

static person new_person(void)
{
    lk_error err = {0};
    person p;
    CHECK_OK(lk_sign_keypair(p.pub, p.sec, &err), &err);
    return p;
}

static lk_consent_draft draft_of(const char *who)
{
    lk_consent_draft d = {.subject = who, .terms.uses = LK_USE_LIPS, .terms.quota = 3};
    strcpy(d.terms.statement, "my lips, for the dubbed version");
    strcpy(d.personal.legal_name, "Ann A. Other");
    strcpy(d.personal.birth_date, "1990-01-01");
    return d;
}

static lk_bytes ask(world *w, const lk_consent_draft *d, char id[37])
{
    lk_bytes file = {0};
    CHECK_OK(lk_consent_request(w->r, d, NULL, &file, id, &w->err), &w->err);
    return file;
}

static lk_bytes say_yes(world *w, const lk_bytes *file, const person *p)
{
    lk_consent_question q;
    lk_bytes answer = {0};
    CHECK_OK(lk_consent_question_read(file->b, file->len, &q, &w->err), &w->err);
    CHECK_OK(lk_consent_answer(&q, p->pub, p->sec, &answer, &w->err), &w->err);
    return answer;
}

static void test_two_hands(void)
{
    world w = world_new("hands");
    person ann = new_person(), thief = new_person();
    char id[37], path[200];
    lk_consent_draft d = draft_of("Ann");
    lk_bytes file = ask(&w, &d, id);
    lk_consent_question q;
    CHECK_REFUSED(&w, "Ann", LK_USE_LIPS, "not to lips"); /* asking is not agreeing */
    CHECK_OK(lk_consent_question_read(file.b, file.len, &q, &w.err), &w.err);
    CHECK_STR(q.name, "Ann");
    CHECK_STR(q.personal.legal_name, "Ann A. Other");
    CHECK(q.terms.quota == 3 && q.terms.subject_holds_key, "other terms");
    lk_bytes answer = say_yes(&w, &file, &ann);
    CHECK(!memmem(answer.b, answer.len, "Other", 5) && !memmem(answer.b, answer.len, "1990", 4),
          "personal data leaves with the answer");
    lk_consent_record c;
    CHECK_OK(lk_consent_accept(w.r, answer.b, answer.len, &c, &w.err), &w.err);
    CHECK_STR(c.id, id);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_LIPS), LK_OK);
    lk_consent_detail detail;
    CHECK_OK(lk_consent_show(w.r, id, &detail, &w.err), &w.err);
    CHECK(detail.has_personal && detail.terms.subject_holds_key &&
              !memcmp(detail.terms.subject_key, ann.pub, 32),
          "the record does not say that Ann holds her key");
    CHECK_STR(detail.personal.legal_name, "Ann A. Other");
    CHECK_INT(
        ask_number(&w,
                   "SELECT count(*) FROM version WHERE instr(body, CAST('Other' AS BLOB)) OR instr(sealed, "
                   "CAST('Other' AS BLOB))"),
        0);
    /* Once is enough, and from now on nobody signs in her place. */
    CHECK_STATUS(lk_consent_accept(w.r, answer.b, answer.len, &c, &w.err), LK_E_CONSENT, &w.err);
    CHECK_STATUS(lk_consent_issue(w.r, "Ann", LK_USE_VOICE, DAY, "film", "voice", &c, &w.err), LK_E_CONSENT,
                 &w.err);
    CHECK(strstr(w.err.message, "key of their own"), "%s", w.err.message);
    snprintf(path, sizeof path, "%s/keys/subject-%s.key", w.dir, w.ann.id);
    CHECK(!lk_path_exists(path), "the studio keeps a key of Ann's");
    CHECK_INT(try_grant(&w, "Ann", LK_USE_FACE_SOURCE), LK_OK); /* what was signed before stays good */
    lk_bytes_clear(&file);
    lk_bytes_clear(&answer);
    file = ask(&w, &d, id);
    CHECK_OK(lk_consent_question_read(file.b, file.len, &q, &w.err), &w.err);
    CHECK_STATUS(lk_consent_answer(&q, thief.pub, thief.sec, &answer, &w.err), LK_E_CONSENT, &w.err);
    memset(q.terms.subject_key, 0, sizeof q.terms.subject_key); /* a bent program answers all the same */
    CHECK_OK(lk_consent_answer(&q, thief.pub, thief.sec, &answer, &w.err), &w.err);
    CHECK_STATUS(lk_consent_accept(w.r, answer.b, answer.len, &c, &w.err), LK_E_CONSENT, &w.err);
    lk_bytes_clear(&file);
    lk_bytes_clear(&answer);
    CHECK_OK(lk_audit_verify(w.r, NULL, &w.err), &w.err);
    world_close(&w);
}

static void test_changed_on_the_way(void)
{
    world w = world_new("way");
    person ann = new_person();
    char id[37];
    lk_consent_draft d = draft_of("Ann");
    lk_bytes file = ask(&w, &d, id), answer = say_yes(&w, &file, &ann);
    lk_consent_question q;
    lk_consent_record c;
    for (size_t i = 0; i < file.len; i++) {
        file.b[i] ^= 1;
        CHECK_STATUS(lk_consent_question_read(file.b, file.len, &q, &w.err), LK_E_FORMAT, &w.err);
        file.b[i] ^= 1;
    }
    for (size_t i = 0; i < answer.len; i++) {
        answer.b[i] ^= 1;
        lk_status s = lk_consent_accept(w.r, answer.b, answer.len, &c, &w.err);
        CHECK(s == LK_E_FORMAT || s == LK_E_CONSENT, "byte %zu: status %d", i, (int)s);
        answer.b[i] ^= 1;
    }
    for (size_t n = 0; n < answer.len; n += 7)
        CHECK_STATUS(lk_consent_accept(w.r, answer.b, n, &c, &w.err), LK_E_FORMAT, &w.err);
    CHECK_STATUS(lk_consent_accept(w.r, file.b, file.len, &c, &w.err), LK_E_FORMAT,
                 &w.err); /* the question itself */
    CHECK_REFUSED(&w, "Ann", LK_USE_LIPS, "not to lips");
    CHECK_INT(ask_number(&w, "SELECT count(*) FROM record"), 2);
    CHECK_OK(lk_consent_accept(w.r, answer.b, answer.len, &c, &w.err), &w.err); /* whole, it counts */
    lk_bytes_clear(&file);
    lk_bytes_clear(&answer);
    world_close(&w);
}

/* The subject signs something else than was asked: more, less, somebody else's, the studio's own key. */
static void test_other_terms(void)
{
    world w = world_new("other"), far = world_new("far");
    person ann = new_person();
    char id[37];
    lk_consent_draft d = draft_of("Ann");
    lk_bytes file = ask(&w, &d, id), answer = {0};
    lk_consent_question q, bent;
    lk_consent_record c;
    CHECK_OK(lk_consent_question_read(file.b, file.len, &q, &w.err), &w.err);
    for (int i = 0; i < 5; i++) {
        bent = q;
        if (i == 0) bent.terms.uses |= LK_USE_VOICE;
        if (i == 1) bent.terms.quota = 1000;
        if (i == 2) bent.terms.until += DAY;
        if (i == 3) strcpy(bent.terms.id, far.ann_record.id);
        if (i == 4) strcpy(bent.terms.subject, w.bob.id);
        CHECK_OK(lk_consent_answer(&bent, ann.pub, ann.sec, &answer, &w.err), &w.err);
        CHECK_STATUS(lk_consent_accept(w.r, answer.b, answer.len, &c, &w.err), LK_E_CONSENT, &w.err);
        lk_bytes_clear(&answer);
    }
    CHECK_STATUS(lk_consent_answer(&q, w.r->studio_public, w.r->studio_secret, &answer, &w.err), LK_E_CONSENT,
                 &w.err);
    CHECK_OK(lk_consent_answer(&q, ann.pub, ann.sec, &answer, &w.err), &w.err);
    CHECK_STATUS(lk_consent_accept(far.r, answer.b, answer.len, &c, &w.err), LK_E_CONSENT,
                 &w.err); /* not its asker */
    lk_wall_time_set(START + 30 * DAY);
    CHECK_STATUS(lk_consent_accept(w.r, answer.b, answer.len, &c, &w.err), LK_E_CONSENT, &w.err);
    CHECK(strstr(w.err.message, "too long ago"), "%s", w.err.message);
    lk_wall_time_set(START + 29 * DAY);
    CHECK_OK(lk_consent_accept(w.r, answer.b, answer.len, &c, &w.err), &w.err);
    lk_bytes_clear(&file);
    lk_bytes_clear(&answer);
    lk_registry_close(&far.r);
    tempdir_clear(far.dir);
    world_close(&w);
}

static void test_amend(void)
{
    world w = world_new("amend");
    person ann = new_person();
    char id[37];
    lk_grant *g = NULL, *lips = NULL;
    lk_consent_detail d;
    lk_consent_record c;
    lk_hash first, second;
    CHECK_OK(lk_grant_get(w.r, "Ann", LK_USE_FACE_SOURCE, "train", &g, &w.err), &w.err);
    CHECK_OK(lk_consent_hash(w.r, w.ann_record.id, &first, &w.err), &w.err);
    CHECK(lk_hash_equal(&first, lk_grant_consent_hash(g)), "a grant names another version");
    /* More: the quick way. The grant stays good. */
    CHECK_OK(lk_consent_show(w.r, w.ann_record.id, &d, &w.err), &w.err);
    lk_consent_draft more = {.subject = "Ann", .terms = d.terms, .term_seconds = 60 * DAY};
    more.terms.uses |= LK_USE_LIPS;
    CHECK_OK(lk_consent_sign(w.r, &more, &c, &w.err), &w.err);
    CHECK_STR(c.id, w.ann_record.id);
    CHECK_INT(c.version, 2);
    CHECK_OK(lk_consent_hash(w.r, w.ann_record.id, &second, &w.err), &w.err);
    CHECK(!lk_hash_equal(&first, &second), "an amendment has the same hash");
    CHECK_OK(lk_consent_show(w.r, c.id, &d, &w.err), &w.err);
    CHECK(lk_hash_equal(&d.terms.previous, &first), "the chain is broken");
    char found[37];
    lk_hash old_name = lk_hash_bytes(w.ann_record.id, 36), nothing = lk_hash_bytes("?", 1);
    CHECK_OK(lk_consent_find(w.r, &first, found, &w.err), &w.err); /* what was made under it names that version */
    CHECK_STR(found, w.ann_record.id);
    CHECK_OK(lk_consent_find(w.r, &second, found, &w.err), &w.err);
    CHECK_OK(lk_consent_find(w.r, &old_name, found, &w.err), &w.err);
    CHECK_STR(found, w.ann_record.id);
    CHECK_STATUS(lk_consent_find(w.r, &nothing, found, &w.err), LK_E_NOTFOUND, &w.err);
    CHECK_OK(lk_grant_check(g, LK_USE_FACE_SOURCE, &w.err), &w.err);
    CHECK_OK(lk_grant_get(w.r, "Ann", LK_USE_LIPS, "lips", &lips, &w.err), &w.err);
    CHECK_STR(lk_grant_record_id(lips), lk_grant_record_id(g));
    /* Less, by Ann's own hand: what was taken out is refused at the next use. */
    lk_consent_draft less = {.subject = "Ann", .terms = d.terms};
    less.terms.uses = LK_USE_LIPS;
    lk_bytes file = ask(&w, &less, id), late = ask(&w, &less, id), answer = say_yes(&w, &file, &ann);
    CHECK_STATUS(lk_consent_accept(w.r, answer.b, answer.len, &c, &w.err), LK_OK, &w.err);
    CHECK_INT(c.version, 3);
    CHECK_STATUS(lk_grant_check(g, LK_USE_FACE_SOURCE, &w.err), LK_E_CONSENT, &w.err);
    CHECK(strstr(w.err.message, "rule: purpose"), "%s", w.err.message);
    CHECK_OK(lk_grant_check(lips, LK_USE_LIPS, &w.err), &w.err);
    CHECK_REFUSED(&w, "Ann", LK_USE_VOICE, "not to voice");
    /* The version before, put back by somebody with a database tool. */
    intrude(&w, "DELETE FROM version WHERE number = 3");
    CHECK_REFUSED(&w, "Ann", LK_USE_FACE_SOURCE, "tampered");
    CHECK_STATUS(lk_grant_check(lips, LK_USE_LIPS, &w.err), LK_E_CONSENT, &w.err);
    lk_grant_free(&g);
    lk_grant_free(&lips);
    lk_bytes_clear(&file);
    lk_bytes_clear(&late);
    lk_bytes_clear(&answer);
    world_close(&w);
}

/* Two amendments asked of the same version: the second answer is out of date. */
static void test_amend_late(void)
{
    world w = world_new("late");
    person ann = new_person();
    char id[37];
    lk_consent_detail d;
    lk_consent_record c;
    CHECK_OK(lk_consent_show(w.r, w.ann_record.id, &d, &w.err), &w.err);
    lk_consent_draft draft = {.subject = "Ann", .terms = d.terms};
    draft.terms.quota = 5;
    lk_bytes file = ask(&w, &draft, id), answer = say_yes(&w, &file, &ann);
    draft.terms.quota = 6;
    CHECK_OK(lk_consent_sign(w.r, &draft, &c, &w.err), &w.err);
    CHECK_STATUS(lk_consent_accept(w.r, answer.b, answer.len, &c, &w.err), LK_E_CONSENT, &w.err);
    CHECK(strstr(w.err.message, "changed since"), "%s", w.err.message);
    CHECK_OK(lk_consent_revoke(w.r, w.ann_record.id, "enough", &w.err), &w.err);
    CHECK_STATUS(lk_consent_sign(w.r, &draft, &c, &w.err), LK_E_CONSENT, &w.err); /* nothing wakes it again */
    CHECK_STATUS(lk_consent_accept(w.r, answer.b, answer.len, &c, &w.err), LK_E_CONSENT, &w.err);
    draft.subject = "Bob";
    strcpy(draft.terms.id, w.bob_record.id);
    CHECK_OK(lk_consent_sign(w.r, &draft, &c, &w.err), &w.err);
    strcpy(draft.terms.id, w.ann_record.id);
    CHECK(lk_consent_sign(w.r, &draft, &c, &w.err) != LK_OK, "Bob amends what Ann signed");
    lk_bytes_clear(&file);
    lk_bytes_clear(&answer);
    world_close(&w);
}

static void test_withdraw(void)
{
    world w = world_new("withdraw");
    person ann = new_person(), thief = new_person();
    char id[37];
    lk_consent_draft d = draft_of("Ann");
    lk_bytes file = ask(&w, &d, id), answer = say_yes(&w, &file, &ann), out = {0};
    lk_consent_record c;
    lk_grant *g = NULL;
    CHECK_OK(lk_consent_accept(w.r, answer.b, answer.len, &c, &w.err), &w.err);
    CHECK_OK(lk_grant_get(w.r, "Ann", LK_USE_LIPS, "test", &g, &w.err), &w.err);
    CHECK_STATUS(lk_consent_withdraw(answer.b, answer.len, "no", thief.pub, thief.sec, &out, &w.err),
                 LK_E_CONSENT, &w.err);
    CHECK_OK(cose_write(COSE_WITHDRAWAL, thief.pub, thief.sec, "\xa0", 1, &out, &w.err), &w.err);
    CHECK_STATUS(lk_consent_accept(w.r, out.b, out.len, &c, &w.err), LK_E_FORMAT, &w.err);
    lk_bytes_clear(&out);
    CHECK_OK(lk_consent_withdraw(answer.b, answer.len, NULL, ann.pub, ann.sec, &out, &w.err), &w.err);
    CHECK_OK(lk_grant_check(g, LK_USE_LIPS, &w.err), &w.err);
    CHECK_OK(lk_consent_accept(w.r, out.b, out.len, &c, &w.err), &w.err);
    CHECK(c.revoked == START, "revoked at %lld", (long long)c.revoked);
    CHECK_STATUS(lk_grant_check(g, LK_USE_LIPS, &w.err), LK_E_CONSENT, &w.err);
    CHECK_REFUSED(&w, "Ann", LK_USE_LIPS, "revoked");
    CHECK_OK(lk_consent_accept(w.r, out.b, out.len, &c, &w.err), &w.err); /* twice is once */
    CHECK_INT(
        ask_number(&w, "SELECT count(*) FROM audit WHERE kind = 'revoke' AND instr(detail, '\"subject\"')"),
        1);
    lk_grant_free(&g);
    lk_bytes_clear(&file);
    lk_bytes_clear(&answer);
    lk_bytes_clear(&out);
    world_close(&w);
}

static const check_test tests[] = {
    {"two hands", test_two_hands},     {"changed on the way", test_changed_on_the_way},
    {"other terms", test_other_terms}, {"amend", test_amend},
    {"amend late", test_amend_late},   {"withdraw", test_withdraw},
};

int main(int argc, char **argv)
{
    tempdir_make("request");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
