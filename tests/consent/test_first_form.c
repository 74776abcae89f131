/* test_first_form.c: a registry written before records had terms: it is upgraded, its records stay good for
 * what was agreed to, tampering with them is seen, and they can be amended into the second form. */
#include "consent/internal.h"
#include "world.h"

/* One line of JSON, as the first form was, signed by both and in the log. Opens the gate to nobody: both keys
 * lie in the project. */
static void sign_first_form(world *w, const char *id, const char *uses)
{
    uint8_t pub[LK_SIGN_PUBLIC], sec[LK_SIGN_SECRET], subject_sig[LK_SIGN_BYTES], studio_sig[LK_SIGN_BYTES];
    char path[200], hex[LK_HASH_HEX];
    lk_text text = {0}, detail = {0};
    lk_hash hash;
    snprintf(path, sizeof path, "%s/keys/subject-%s.key", w->dir, w->ann.id);
    CHECK_OK(lk_keyfile_load(path, pub, sec, &w->err), &w->err);
    pair_text(&text, "format", "likeness-consent-1");
    pair_text(&text, "id", id);
    pair_text(&text, "subject", w->ann.id);
    pair_text(&text, "subject_name", "Ann");
    pair_int(&text, "depicts_nobody", 0);
    pair_hex(&text, "subject_key", pub, LK_SIGN_PUBLIC);
    pair_hex(&text, "studio_key", w->r->studio_public, LK_SIGN_PUBLIC);
    pair_text(&text, "project", "old film");
    pair_text(&text, "statement", "my face in the old film");
    pair_text(&text, "uses", uses);
    pair_int(&text, "from", START);
    pair_int(&text, "until", START + 30 * DAY);
    lk_text_add(&text, "}");
    CHECK_OK(lk_sign_make(sec, text.s, text.len, subject_sig, &w->err), &w->err);
    CHECK_OK(lk_sign_make(w->r->studio_secret, text.s, text.len, studio_sig, &w->err), &w->err);
    hash = lk_hash_bytes(text.s, text.len);
    lk_hash_hex(&hash, hex);
    pair_text(&detail, "record", id);
    pair_text(&detail, "subject", w->ann.id);
    pair_text(&detail, "text_sha256", hex);
    lk_text_add(&detail, "}");
    CHECK_OK(registry_begin(w->r, &w->err), &w->err);
    lk_status s = audit_catch_up(w->r, &w->err);
    if (s == LK_OK)
        s = lk_store_run(
            w->r->db, &w->err, NULL,
            "INSERT INTO record(id, subject, issued, text, subject_sig, studio_sig) VALUES(?1, ?2, ?3, ?4, "
            "?5, ?6)",
            "ssisbb", id, w->ann.id, (int64_t)START, text.s, subject_sig, sizeof subject_sig, studio_sig,
            sizeof studio_sig);
    if (s == LK_OK) s = audit_append(w->r, "consent", &detail, NULL, NULL, &w->err);
    CHECK_OK(registry_end(w->r, s, true, &w->err), &w->err);
    lk_text_clear(&text);
    lk_text_clear(&detail);
}

/* Whatever tables later versions of the program made. */
static void drop_later_tables(const world *w)
{
    char path[160], sql[200];
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    snprintf(path, sizeof path, "%s/registry.db", w->dir);
    CHECK(sqlite3_open(path, &db) == SQLITE_OK, "%s", path);
    for (int i = 0; i < 100; i++) {
        sqlite3_prepare_v2(
            db,
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name "
            "NOT IN ('studio', 'subject', 'record', 'revocation', 'audit', 'asset', 'parent', "
            "'asset_record')",
            -1, &q, NULL);
        bool more = sqlite3_step(q) == SQLITE_ROW;
        if (more) snprintf(sql, sizeof sql, "DROP TABLE %s", (const char *)sqlite3_column_text(q, 0));
        sqlite3_finalize(q);
        if (!more) break;
        CHECK(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sql);
    }
    CHECK(sqlite3_exec(db, "PRAGMA user_version = 1", NULL, NULL, NULL) == SQLITE_OK, "%s",
          sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void test_upgrade(void)
{
    world w = {.r = NULL};
    snprintf(w.dir, sizeof w.dir, "%.100s", in_tempdir("upgrade"));
    lk_wall_time_set(START);
    CHECK_OK(lk_registry_open(w.dir, true, &w.r, &w.err), &w.err);
    CHECK_OK(lk_subject_add(w.r, "Ann", false, &w.ann, &w.err), &w.err);
    sign_first_form(&w, "11111111-1111-4111-8111-111111111111", "face-source,voice");
    lk_registry_close(&w.r);
    drop_later_tables(&w); /* as it was then */
    CHECK_OK(lk_registry_open(w.dir, false, &w.r, &w.err), &w.err);
    CHECK_INT(ask_number(&w, "SELECT count(*) FROM version"), 0);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_FACE_SOURCE), LK_OK);
    CHECK_REFUSED(&w, "Ann", LK_USE_LIPS, "not to lips");
    lk_consent_detail d;
    CHECK_OK(lk_consent_show(w.r, "11111111-1111-4111-8111-111111111111", &d, &w.err), &w.err);
    CHECK(d.first_form && d.terms.uses == (LK_USE_FACE_SOURCE | LK_USE_VOICE), "uses %u", d.terms.uses);
    CHECK_STR(d.brief.project, "old film");
    CHECK_OK(lk_registry_name(w.r, "new film", &w.err), &w.err); /* the rule is younger than the record */
    CHECK_INT(try_grant(&w, "Ann", LK_USE_FACE_SOURCE), LK_OK);

    /* Amended, it is a record of the second form with the same id. */
    lk_consent_draft draft = {.subject = "Ann", .terms = d.terms};
    draft.terms.uses |= LK_USE_LIPS;
    snprintf(draft.terms.project, sizeof draft.terms.project, "new film");
    CHECK_OK(lk_consent_sign(w.r, &draft, &w.ann_record, &w.err), &w.err);
    CHECK_STR(w.ann_record.id, "11111111-1111-4111-8111-111111111111");
    CHECK_INT(w.ann_record.version, 2);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_LIPS), LK_OK);
    CHECK_OK(lk_consent_show(w.r, w.ann_record.id, &d, &w.err), &w.err);
    CHECK(!d.first_form, "still of the first form");
    CHECK_OK(lk_audit_verify(w.r, NULL, &w.err), &w.err);
    world_close(&w);
}

static void test_tampered(void)
{
    static const char *const attacks[] = {
        "UPDATE record SET text = replace(text, '\"until\":18', '\"until\":19')",
        "UPDATE record SET text = replace(text, 'face-source,voice', 'face-source,lips,voice')",
        "UPDATE record SET text = text || ' '",
        "UPDATE record SET subject_sig = studio_sig",
        "UPDATE record SET studio_sig = subject_sig",
        "UPDATE record SET subject_sig = x''",
    };
    for (size_t i = 0; i < LK_COUNT(attacks); i++) {
        world w = {.r = NULL};
        snprintf(w.dir, sizeof w.dir, "%.100s", in_tempdir("old-tampered"));
        lk_wall_time_set(START);
        CHECK_OK(lk_registry_open(w.dir, true, &w.r, &w.err), &w.err);
        CHECK_OK(lk_subject_add(w.r, "Ann", false, &w.ann, &w.err), &w.err);
        sign_first_form(&w, "11111111-1111-4111-8111-111111111111", "face-source,voice");
        CHECK_INT(try_grant(&w, "Ann", LK_USE_FACE_SOURCE), LK_OK);
        intrude(&w, attacks[i]);
        CHECK_REFUSED(&w, "Ann", LK_USE_FACE_SOURCE, "tampered");
        world_close(&w);
    }
}

static const check_test tests[] = {{"upgrade", test_upgrade}, {"tampered", test_tampered}};

int main(int argc, char **argv)
{
    tempdir_make("firstform");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
