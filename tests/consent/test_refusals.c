/* test_refusals.c: the refusal matrix. Every rule says no with status "consent", names itself and a remedy,
 * and stands in the audit log afterwards; and what it refuses works again when the remedy is taken. */
#include "consent/internal.h"
#include "world.h"

/* The refusal, its rule at the end of the sentence, a word of its remedy, and one more row of that rule in
 * the log. */
static void expect(world *w, const char *who, lk_use use, const char *rule_name, const char *remedy, int line)
{
    char sql[200], mark[40];
    snprintf(sql, sizeof sql,
             "SELECT count(*) FROM audit WHERE kind = 'refused' AND json_extract(detail, '$.rule') = '%s'",
             rule_name);
    snprintf(mark, sizeof mark, "(rule: %s)", rule_name);
    int64_t before = ask_number(w, sql),
            grants = ask_number(w, "SELECT count(*) FROM audit WHERE kind = 'grant'");
    lk_status s = try_grant(w, who, use);
    if (s != LK_E_CONSENT) check_fail(__FILE__, line, "%s: status %d, wanted a refusal", rule_name, (int)s);
    if (!strstr(w->err.message, mark) || !strstr(w->err.message, remedy))
        check_fail(__FILE__, line, "%s with '%s' is not in: %s", mark, remedy, w->err.message);
    if (ask_number(w, sql) != before + 1) check_fail(__FILE__, line, "%s is not in the log", rule_name);
    CHECK_INT(ask_number(w, "SELECT count(*) FROM audit WHERE kind = 'grant'"), grants);
    CHECK_INT(lk_status_exit_code(s), 3);
}
#define EXPECT(who, use, rule, remedy) expect(&w, who, use, rule, remedy, __LINE__)

static lk_consent_record agree(world *w, const lk_consent_draft *d)
{
    lk_consent_record c = {.id = ""};
    CHECK_OK(lk_consent_sign(w->r, d, &c, &w->err), &w->err);
    return c;
}

static lk_consent_draft lips_of(const char *who)
{
    lk_consent_draft d = {.subject = who, .terms.uses = LK_USE_LIPS};
    strcpy(d.terms.statement, "lips for the dubbed version");
    return d;
}

static void test_person_absent_purpose(void)
{
    world w = world_new("absent");
    CHECK_OK(lk_subject_add(w.r, "Eve", false, NULL, &w.err), &w.err);
    EXPECT("Nobody", LK_USE_LIPS, "person", "likeness subject add");
    EXPECT("Eve", LK_USE_LIPS, "absent", "likeness consent grant");
    EXPECT("Ann", LK_USE_LIPS, "purpose", "ask Ann");
    intrude(&w, "UPDATE subject SET created = created + 1 WHERE name = 'Ann'");
    EXPECT("Ann", LK_USE_FACE_SOURCE, "person", "restore the folder");
    world_close(&w);
}

static void test_term(void)
{
    world w = world_new("term");
    lk_wall_time_set(START + 30 * DAY);
    EXPECT("Ann", LK_USE_FACE_SOURCE, "term", "ask Ann to sign a new one");
    CHECK_OK(lk_consent_issue(w.r, "Ann", LK_USE_FACE_SOURCE, DAY, "film", "again", NULL, &w.err), &w.err);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_FACE_SOURCE), LK_OK);
    world_close(&w);
}

static void test_revoked(void)
{
    world w = world_new("revoked");
    CHECK_OK(lk_consent_revoke(w.r, w.ann_record.id, "no more", &w.err), &w.err);
    EXPECT("Ann", LK_USE_FACE_SOURCE, "revoked", "unless Ann agrees anew");
    world_close(&w);
}

static void test_grantee(void)
{
    world w = world_new("grantee"), far = world_new("far");
    lk_consent_draft d = lips_of("Ann");
    d.terms.grantee_count = 1;
    strcpy(d.terms.grantees[0].name, "Far Studio");
    memcpy(d.terms.grantees[0].key, lk_registry_key(far.r), LK_SIGN_PUBLIC);
    agree(&w, &d);
    EXPECT("Ann", LK_USE_LIPS, "grantee", "ask Ann to grant it to this one");
    CHECK(strstr(w.err.message, "Far Studio"), "%s", w.err.message);
    d.terms.grantee_count = 2;
    strcpy(d.terms.grantees[1].name, "this studio");
    memcpy(d.terms.grantees[1].key, lk_registry_key(w.r), LK_SIGN_PUBLIC);
    agree(&w, &d);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_LIPS), LK_OK);
    lk_registry_close(&far.r);
    tempdir_clear(far.dir);
    world_close(&w);
}

static void test_project(void)
{
    world w = world_new("project");
    CHECK_INT(try_grant(&w, "Ann", LK_USE_VOICE), LK_OK);
    CHECK_OK(lk_registry_name(w.r, "series", &w.err), &w.err);
    CHECK_OK(lk_registry_name(w.r, "film", &w.err), &w.err); /* the first name stays */
    EXPECT("Ann", LK_USE_VOICE, "project", "agree to this project too");
    lk_consent_draft d = lips_of("Ann");
    lk_consent_record c = agree(&w, &d); /* the default is this project */
    CHECK_STR(c.project, "series");
    CHECK_INT(try_grant(&w, "Ann", LK_USE_LIPS), LK_OK);
    world_reopen(&w);
    EXPECT("Ann", LK_USE_VOICE, "project", "series");
    world_close(&w);
}

static void test_minor(void)
{
    world w = world_new("minor");
    lk_consent_draft d = lips_of("Ann");
    lk_consent_record c;
    strcpy(d.personal.birth_date, "2010-06-15"); /* 18 on 2028-06-15; it is January 2027 */
    CHECK_STATUS(lk_consent_sign(w.r, &d, NULL, &w.err), LK_E_CONSENT, &w.err); /* said to be an adult */
    CHECK(strstr(w.err.message, "(rule: guardian)"), "%s", w.err.message);
    d.terms.age = LK_AGE_MINOR;
    CHECK_STATUS(lk_consent_sign(w.r, &d, NULL, &w.err), LK_E_CONSENT, &w.err); /* alone */
    CHECK(strstr(w.err.message, "--guardian") && strstr(w.err.message, "(rule: guardian)"), "%s",
          w.err.message);
    strcpy(d.personal.guardians[0], "G. Uardian");
    d.personal.birth_date[0] = '\0';
    CHECK_STATUS(lk_consent_sign(w.r, &d, NULL, &w.err), LK_E_CONSENT, &w.err); /* of what age? */
    CHECK(strstr(w.err.message, "--born"), "%s", w.err.message);
    strcpy(d.personal.birth_date, "2010-06-15");
    d.term_seconds = 3650LL * DAY;
    c = agree(&w, &d);
    CHECK_INT(c.until, 1844640000); /* not ten years: the birthday */
    CHECK_INT(try_grant(&w, "Ann", LK_USE_LIPS), LK_OK);
    lk_wall_time_set(1844640000 - 1);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_LIPS), LK_OK);
    lk_wall_time_set(1844640000);
    EXPECT("Ann", LK_USE_LIPS, "age", "who decides alone now");
    CHECK_STATUS(lk_consent_sign(w.r, &d, NULL, &w.err), LK_E_CONSENT, &w.err); /* no minor any more */
    d.terms.age = LK_AGE_ADULT;
    d.personal.guardians[0][0] = '\0';
    agree(&w, &d);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_LIPS), LK_OK);
    world_close(&w);
}

/* A record of a minor without a guardian can only come from a bent program; it is refused all the same. */
static void test_no_guardian(void)
{
    world w = world_new("guardian");
    lk_consent_draft d = lips_of("Ann");
    lk_consent_terms t;
    lk_subject who;
    uint8_t pub[LK_SIGN_PUBLIC], sec[LK_SIGN_SECRET], sig[LK_SIGN_BYTES];
    char key[200];
    lk_bytes personal = {0}, body = {0};
    snprintf(key, sizeof key, "%s/keys/subject-%s.key", w.dir, w.ann.id);
    CHECK_OK(lk_keyfile_load(key, pub, sec, &w.err), &w.err);
    CHECK_OK(registry_begin(w.r, &w.err), &w.err);
    lk_status s = issue_terms(w.r, &d, &t, &who, &personal, &w.err);
    memcpy(t.subject_key, pub, sizeof pub);
    t.age = LK_AGE_MINOR;
    t.adult_at = t.until;
    if (s == LK_OK) s = lk_consent_encode(&t, &body, &w.err);
    if (s == LK_OK) s = cose_sign(COSE_RECORD, pub, sec, body.b, body.len, sig, &w.err);
    if (s == LK_OK) s = issue_insert(w.r, &t, &body, sig, NULL, 0, &w.err);
    CHECK_OK(registry_end(w.r, s, true, &w.err), &w.err);
    EXPECT("Ann", LK_USE_LIPS, "guardian", "guardians");
    lk_bytes_clear(&body);
    world_close(&w);
}

static void test_deceased(void)
{
    world w = world_new("deceased");
    lk_consent_draft d = lips_of("Ann");
    d.terms.age = LK_AGE_DECEASED;
    CHECK_STATUS(lk_consent_sign(w.r, &d, NULL, &w.err), LK_E_CONSENT, &w.err);
    CHECK(strstr(w.err.message, "--estate"), "%s", w.err.message);
    strcpy(d.personal.estate, "E. State, executor");
    agree(&w, &d);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_LIPS), LK_OK);
    world_close(&w);
}

static lk_status make_output(world *w, const lk_grant *g, const char *path, const char *note)
{
    lk_asset a = {.hash = lk_hash_bytes(path, strlen(path)), .kind = "output", .created = START};
    snprintf(a.path, sizeof a.path, "%s", path);
    snprintf(a.note, sizeof a.note, "%s", note);
    return lk_lineage_add(w->r, &a, NULL, 0, &g, 1, &w->err);
}

static void test_quota(void)
{
    world w = world_new("quota");
    lk_consent_draft d = lips_of("Ann");
    lk_grant *g = NULL;
    d.terms.quota = 2;
    lk_consent_record c = agree(&w, &d);
    CHECK_OK(lk_grant_get(w.r, "Ann", LK_USE_LIPS, "dubbing", &g, &w.err), &w.err);
    CHECK_OK(make_output(&w, g, "a.mp4", "lips, 10 frames"), &w.err);
    CHECK_OK(make_output(&w, g, "a.mp4", "lips, 10 frames"), &w.err); /* the same again is not another */
    CHECK_OK(make_output(&w, g, "s.png", "contact sheet"), &w.err);
    CHECK_OK(make_output(&w, g, "p.png", "training preview, step 100"), &w.err);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_LIPS), LK_OK);
    CHECK_OK(make_output(&w, g, "b.mp4", "lips, 10 frames"), &w.err);
    CHECK_OK(lk_grant_check(g, LK_USE_LIPS, &w.err), &w.err); /* what was granted may still be finished... */
    CHECK_STATUS(make_output(&w, g, "c.mp4", "lips, 10 frames"), LK_E_CONSENT,
                 &w.err); /* ...but not one more */
    CHECK(strstr(w.err.message, "(rule: quota)") && strstr(w.err.message, "consent amend"), "%s",
          w.err.message);
    CHECK_INT(ask_number(&w, "SELECT count(*) FROM audit WHERE kind = 'refused'"), 1);
    CHECK_OK(make_output(&w, g, "b.mp4", "lips, 10 frames"), &w.err);
    EXPECT("Ann", LK_USE_LIPS, "quota", "consent amend");
    /* The tables that carry the lineage are not what is counted. */
    intrude(&w, "DELETE FROM asset_record; DELETE FROM parent; DELETE FROM asset");
    EXPECT("Ann", LK_USE_LIPS, "quota", "consent amend");
    lk_consent_detail detail;
    CHECK_OK(lk_consent_show(w.r, c.id, &detail, &w.err), &w.err);
    CHECK_INT(detail.outputs, 2);
    CHECK_STR(detail.state, "used up");
    lk_consent_draft more = {.subject = "Ann", .terms = detail.terms};
    more.terms.quota = 3;
    agree(&w, &more); /* one more was agreed to, not three */
    CHECK_OK(make_output(&w, g, "c.mp4", "lips, 10 frames"), &w.err);
    EXPECT("Ann", LK_USE_LIPS, "quota", "3 outputs");
    lk_grant_free(&g);
    world_close(&w);
}

static void test_tampered(void)
{
    static const char *const attacks[] = {
        "UPDATE version SET body = CAST(replace(CAST(body AS TEXT), 'Dawn', 'Dusk') AS BLOB)", /* the record
                                                                                                */
        "UPDATE version SET subject_sig = zeroblob(64)", /* a signature */
        "UPDATE version SET studio_sig = zeroblob(64)",
    };
    for (size_t i = 0; i < LK_COUNT(attacks); i++) {
        world w = world_new("tampered");
        intrude(&w, attacks[i]);
        EXPECT("Ann", LK_USE_FACE_SOURCE, "tampered", "restore");
        world_close(&w);
    }
}

static void copy_folder(const char *from, const char *to)
{
    char command[400];
    snprintf(command, sizeof command, "cp -a '%.128s' '%.128s'", from, to);
    CHECK(system(command) == 0, "%s", command);
}

/* A record that both keys signed, put into the tables of a registry whose log knows nothing of it. */
static void test_unlogged(void)
{
    world w = world_new("unlogged"), copy = {.r = NULL};
    char sql[400];
    snprintf(copy.dir, sizeof copy.dir, "%.100s", in_tempdir("without"));
    copy_folder(w.dir, copy.dir);
    lk_consent_draft d = lips_of("Ann");
    agree(&w, &d);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_LIPS), LK_OK);
    snprintf(
        sql, sizeof sql,
        "ATTACH '%s/registry.db' AS far; INSERT INTO record SELECT * FROM far.record WHERE id NOT IN (SELECT "
        "id FROM "
        "main.record); INSERT INTO version SELECT * FROM far.version WHERE record NOT IN (SELECT record FROM "
        "main.version)",
        w.dir);
    intrude(&copy, sql);
    CHECK_INT(ask_number(&copy, "SELECT count(*) FROM version"), 3);
    CHECK_OK(lk_registry_open(copy.dir, false, &copy.r, &copy.err), &copy.err);
    CHECK_OK(lk_registry_moved(copy.r, &copy.err), &copy.err);
    expect(&copy, "Ann", LK_USE_LIPS, "tampered", "restore", __LINE__);
    lk_registry_close(&copy.r);
    tempdir_clear(copy.dir);
    world_close(&w);
}

static void test_clock(void)
{
    world w = world_new("clock");
    lk_wall_time_set(START - 2 * DAY);
    EXPECT("Ann", LK_USE_FACE_SOURCE, "clock", "set the clock right");
    lk_wall_time_set(START + 3600);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_FACE_SOURCE), LK_OK);
    world_close(&w);
}

static void test_copied(void)
{
    world w = world_new("copied"), copy = {.r = NULL};
    lk_grant *g = NULL;
    snprintf(copy.dir, sizeof copy.dir, "%.100s", in_tempdir("the copy"));
    lk_registry_close(&w.r);
    copy_folder(w.dir, copy.dir);
    CHECK_OK(lk_registry_open(w.dir, false, &w.r, &w.err), &w.err);
    CHECK_OK(lk_registry_open(copy.dir, false, &copy.r, &copy.err), &copy.err);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_FACE_SOURCE), LK_OK);
    expect(&copy, "Ann", LK_USE_FACE_SOURCE, "copy", "likeness consent moved", __LINE__);
    CHECK_STATUS(lk_consent_issue(copy.r, "Ann", LK_USE_LIPS, DAY, "film", "no", NULL, &copy.err),
                 LK_E_CONSENT, &copy.err);
    CHECK_OK(lk_consent_revoke(copy.r, copy.ann_record.id[0] ? copy.ann_record.id : w.ann_record.id,
                               "always possible", &copy.err),
             &copy.err);
    CHECK_OK(lk_registry_moved(copy.r, &copy.err), &copy.err);
    CHECK_INT(try_grant(&copy, "Bob", LK_USE_FACE_TARGET), LK_OK);
    CHECK_INT(ask_number(&copy, "SELECT count(*) FROM audit WHERE kind = 'moved'"), 1);
    lk_registry_close(&copy.r);
    tempdir_clear(copy.dir);

    /* The whole folder of before, keys and tip too, put back to undo a revocation. */
    char before[140];
    snprintf(before, sizeof before, "%s.before", w.dir);
    copy_folder(w.dir, before);
    CHECK_OK(lk_grant_get(w.r, "Ann", LK_USE_FACE_SOURCE, "test", &g, &w.err), &w.err);
    CHECK_OK(lk_consent_revoke(w.r, w.ann_record.id, "no more", &w.err), &w.err);
    lk_registry_close(&w.r);
    tempdir_clear(w.dir);
    CHECK(rename(before, w.dir) == 0, "%s", before);
    CHECK_OK(lk_registry_open(w.dir, false, &w.r, &w.err), &w.err);
    EXPECT("Ann", LK_USE_FACE_SOURCE, "copy", "is gone for good");
    lk_grant_free(&g);
    /* A folder that was only renamed is the same folder. */
    world_close(&w);
    w = world_new("renamed");
    snprintf(before, sizeof before, "%s.after", w.dir);
    lk_registry_close(&w.r);
    CHECK(rename(w.dir, before) == 0, "%s", before);
    snprintf(w.dir, sizeof w.dir, "%.127s", before);
    CHECK_OK(lk_registry_open(w.dir, false, &w.r, &w.err), &w.err);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_FACE_SOURCE), LK_OK);
    world_close(&w);
}

static void test_log(void)
{
    world w = world_new("log");
    intrude(&w, "UPDATE audit SET time = time - 1 WHERE seq = 2");
    CHECK_STATUS(try_grant(&w, "Ann", LK_USE_FACE_SOURCE), LK_E_CONSENT, &w.err);
    CHECK(strstr(w.err.message, "(rule: log)") && strstr(w.err.message, "restore"), "%s", w.err.message);
    world_close(&w);
}

/* A grant in use is refused once in the log, however often its job asks. */
static void test_in_use(void)
{
    world w = world_new("use");
    lk_grant *g = NULL;
    CHECK_OK(lk_grant_get(w.r, "Ann", LK_USE_FACE_SOURCE, "train", &g, &w.err), &w.err);
    CHECK_OK(lk_consent_revoke(w.r, w.ann_record.id, "no more", &w.err), &w.err);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(lk_grant_check(g, LK_USE_FACE_SOURCE, &w.err), LK_E_CONSENT, &w.err);
        CHECK(strstr(w.err.message, "(rule: revoked)"), "%s", w.err.message);
    }
    CHECK_INT(
        ask_number(
            &w, "SELECT count(*) FROM audit WHERE kind = 'refused' AND json_extract(detail, '$.what_for') = "
                "'train'"),
        1);
    /* No row names anybody. */
    CHECK_INT(ask_number(&w, "SELECT count(*) FROM audit WHERE instr(detail, 'Ann') OR instr(detail, 'Bob')"),
              0);
    CHECK_OK(lk_audit_verify(w.r, NULL, &w.err), &w.err);
    lk_grant_free(&g);
    world_close(&w);
}

static const check_test tests[] = {
    {"person absent purpose", test_person_absent_purpose},
    {"term", test_term},
    {"revoked", test_revoked},
    {"grantee", test_grantee},
    {"project", test_project},
    {"minor", test_minor},
    {"no guardian", test_no_guardian},
    {"deceased", test_deceased},
    {"quota", test_quota},
    {"tampered", test_tampered},
    {"unlogged", test_unlogged},
    {"clock", test_clock},
    {"copied", test_copied},
    {"log", test_log},
    {"in use", test_in_use},
};

int main(int argc, char **argv)
{
    tempdir_make("refusals");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
