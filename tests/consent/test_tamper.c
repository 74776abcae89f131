/* test_tamper.c: a changed, removed or exchanged byte, row, key or file never leads to a grant. */
#include <sys/stat.h>

#include "world.h"

/* Every byte of what is signed and of both signatures: the record counts for nothing any more. */
static void test_record_bytes(void)
{
    world w = world_new("bytes");
    static const char *const parts[] = {"body", "subject_sig", "studio_sig"};
    intrude(&w, "CREATE TABLE kept AS SELECT * FROM version");
    int changes = 0;
    for (size_t p = 0; p < LK_COUNT(parts); p++) {
        char sql[512];
        snprintf(sql, sizeof sql, "SELECT length(%s) FROM version WHERE record = '%s'", parts[p],
                 w.ann_record.id);
        int n = (int)ask_number(&w, sql);
        CHECK(n >= 64, "%s has %d bytes", parts[p], n);
        for (int i = 0; i < n; i++) {
            const char *other[] = {"x'78'", "x'79'"}; /* one of the two is a change */
            snprintf(sql, sizeof sql, "SELECT substr(%s, %d, 1) = x'78' FROM version WHERE record = '%s'",
                     parts[p], i + 1, w.ann_record.id);
            const char *now = other[ask_number(&w, sql) != 0];
            snprintf(sql, sizeof sql,
                     "UPDATE version SET %s = CAST(substr(%s, 1, %d) || %s || substr(%s, %d) AS BLOB) WHERE "
                     "record = "
                     "'%s'",
                     parts[p], parts[p], i, now, parts[p], i + 2, w.ann_record.id);
            intrude(&w, sql);
            if (try_grant(&w, "Ann", LK_USE_FACE_SOURCE) != LK_E_CONSENT)
                check_fail(__FILE__, __LINE__, "byte %d of %s changed unnoticed", i, parts[p]);
            CHECK(strstr(w.err.message, "tampered"), "%s", w.err.message);
            snprintf(sql, sizeof sql,
                     "UPDATE version SET %s = (SELECT %s FROM kept WHERE kept.record = version.record)",
                     parts[p], parts[p]);
            intrude(&w, sql);
            changes++;
        }
    }
    CHECK(changes > 700, "%d bytes were tried", changes);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_FACE_SOURCE), LK_OK); /* and whole again it counts again */
    world_close(&w);
}

#define IN_BODY(from, to)                                                                                    \
    "UPDATE version SET body = CAST(replace(CAST(body AS TEXT), '" from "', '" to "') AS BLOB)"

/* What a person with a database tool would try, each on a fresh registry. */
static void test_rows(void)
{
    static const struct {
        const char *name, *sql;
    } attacks[] = {
        {"another use in the terms", IN_BODY("face-source", "face-target")},
        {"a ban left out", IN_BODY("sexual", "seldom")},
        {"another statement", IN_BODY("Dawn", "Dusk")},
        {"terms emptied", "UPDATE version SET body = x''"},
        {"terms with a byte behind", "UPDATE version SET body = CAST(body || x'00' AS BLOB)"},
        {"signature cut", "UPDATE version SET studio_sig = substr(studio_sig, 1, 63)"},
        {"signature emptied", "UPDATE version SET subject_sig = x''"},
        {"signatures exchanged", "UPDATE version SET subject_sig = studio_sig, studio_sig = subject_sig"},
        {"Bob's terms under Ann's id",
         "UPDATE version SET (body, subject_sig, studio_sig) = (SELECT body, subject_sig, "
         "studio_sig FROM version v ORDER BY rowid DESC LIMIT 1)"},
        {"another version number", "UPDATE version SET number = 2"},
        {"the terms removed", "DELETE FROM version"},
        {"the terms under another id", "UPDATE version SET record = replace(record, '-4', '-5')"},
        {"record under another id", "UPDATE record SET id = replace(id, '-4', '-5')"},
        {"record removed", "DELETE FROM record"},
        {"Ann is now synthetic", "UPDATE subject SET depicts_nobody = 1 - depicts_nobody"},
        {"Ann has another name", "UPDATE subject SET name = 'Anna' WHERE name = 'Ann'"},
        {"Ann has Bob's key", "UPDATE subject SET key = (SELECT key FROM subject s WHERE s.name = 'Bob')"},
        {"another birthday", "UPDATE subject SET created = created + 1"},
        {"subject's signature wiped", "UPDATE subject SET studio_sig = zeroblob(64)"},
        {"an audit row reworded", "UPDATE audit SET detail = replace(detail, 'studio', 'status')"},
        {"an audit row redated", "UPDATE audit SET time = time - 1 WHERE seq = 3"},
        {"an audit row removed", "DELETE FROM audit WHERE seq = 3"},
        {"the last audit row removed", "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)"},
        {"all audit rows removed", "DELETE FROM audit"},
        {"an audit row added",
         "INSERT INTO audit SELECT seq + 1, time, kind, detail, hash, prev, sig FROM audit ORDER BY seq "
         "DESC LIMIT 1"},
        {"an audit signature wiped", "UPDATE audit SET sig = zeroblob(64)"},
        {"an audit hash shortened", "UPDATE audit SET hash = x'00' WHERE seq = 2"},
        {"the tables renamed", "ALTER TABLE revocation RENAME TO forgotten"},
    };
    for (size_t i = 0; i < LK_COUNT(attacks); i++) {
        world w = world_new("rows");
        intrude(&w, "PRAGMA foreign_keys = OFF");
        intrude(&w, attacks[i].sql);
        lk_status s = try_grant(&w, "Ann", LK_USE_FACE_SOURCE);
        CHECK(s == LK_E_CONSENT, "%s, program running: status %d: %s", attacks[i].name, (int)s,
              w.err.message);
        world_reopen(&w);
        s = w.r ? try_grant(&w, "Ann", LK_USE_FACE_SOURCE) : LK_E_CONSENT;
        CHECK(s == LK_E_CONSENT, "%s, program started later: status %d: %s", attacks[i].name, (int)s,
              w.err.message);
        world_close(&w);
    }
}

/* What one agreed to is not what another agreed to. */
static void test_exchanged(void)
{
    world w = world_new("exchanged");
    intrude(&w, "UPDATE record SET subject = (SELECT id FROM subject WHERE name = 'Ann')");
    CHECK_REFUSED(&w, "Ann", LK_USE_FACE_TARGET, "tampered");
    CHECK_REFUSED(&w, "Bob", LK_USE_FACE_TARGET, "agreed to nothing");
    CHECK_INT(try_grant(&w, "Ann", LK_USE_FACE_SOURCE), LK_OK); /* her own is as it was */
    world_close(&w);
}

/* The same while a grant is in use. */
static void test_rows_in_use(void)
{
    static const char *const attacks[] = {
        IN_BODY("voice", "noise"),
        "UPDATE subject SET depicts_nobody = 1 - depicts_nobody",
        "DELETE FROM record",
        "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
        "UPDATE audit SET kind = 'noted' WHERE kind = 'grant'",
        "DELETE FROM audit",
    };
    for (size_t i = 0; i < LK_COUNT(attacks); i++) {
        world w = world_new("in-use");
        lk_grant *g = NULL;
        CHECK_OK(lk_grant_get(w.r, "Ann", LK_USE_FACE_SOURCE, "test", &g, &w.err), &w.err);
        CHECK_OK(lk_grant_check(g, LK_USE_FACE_SOURCE, &w.err), &w.err);
        intrude(&w, attacks[i]);
        CHECK_STATUS(lk_grant_check(g, LK_USE_FACE_SOURCE, &w.err), LK_E_CONSENT, &w.err);
        lk_grant_free(&g);
        world_close(&w);
    }
}

/* Taking a revocation back needs more than deleting rows. */
static void test_unrevoke(void)
{
    world w = world_new("unrevoke");
    CHECK_OK(lk_consent_revoke(w.r, w.ann_record.id, "no more", &w.err), &w.err);
    intrude(&w, "DELETE FROM revocation");
    CHECK_REFUSED(&w, "Ann", LK_USE_FACE_SOURCE, "revoked");
    world_reopen(&w);
    CHECK_REFUSED(&w, "Ann", LK_USE_FACE_SOURCE, "revoked");
    intrude(&w, "DELETE FROM audit WHERE kind = 'revoke'");
    CHECK_REFUSED(&w, "Ann", LK_USE_FACE_SOURCE, "tampered");
    world_reopen(&w);
    CHECK_REFUSED(&w, "Ann", LK_USE_FACE_SOURCE, "tampered");
    CHECK_STATUS(lk_audit_verify(w.r, NULL, &w.err), LK_E_FORMAT, &w.err);
    world_close(&w);
}

static void copy_file(const char *from, const char *to)
{
    lk_error err = {0};
    void *data = NULL;
    size_t n = 0;
    CHECK_OK(lk_file_read(from, 1 << 26, &data, &n, &err), &err);
    if (data) CHECK_OK(lk_file_write_mode(to, data, n, 0600, &err), &err);
    lk_free(data);
}

/* An old copy of the database, from before the revocation, put back. */
static void test_rollback(void)
{
    world w = world_new("rollback");
    char db[160], old[160], tip[160];
    snprintf(db, sizeof db, "%s/registry.db", w.dir);
    snprintf(old, sizeof old, "%s/old.db", w.dir);
    snprintf(tip, sizeof tip, "%s/keys/audit.tip", w.dir);
    lk_registry_close(&w.r);
    copy_file(db, old);
    CHECK_OK(lk_registry_open(w.dir, false, &w.r, &w.err), &w.err);
    CHECK_OK(lk_consent_revoke(w.r, w.ann_record.id, "no more", &w.err), &w.err);
    lk_registry_close(&w.r);
    copy_file(old, db);
    CHECK_OK(lk_registry_open(w.dir, false, &w.r, &w.err), &w.err);
    CHECK_REFUSED(&w, "Ann", LK_USE_FACE_SOURCE, "removed");
    lk_registry_close(&w.r);
    unlink(tip);
    CHECK_OK(lk_registry_open(w.dir, false, &w.r, &w.err), &w.err);
    CHECK_REFUSED(&w, "Ann", LK_USE_FACE_SOURCE, "audit.tip is missing");
    lk_registry_close(&w.r);
    CHECK_OK(lk_file_write_mode(tip, "likeness audit tip 1 nonsense\n", 30, 0600, &w.err), &w.err);
    CHECK_OK(lk_registry_open(w.dir, false, &w.r, &w.err), &w.err);
    CHECK_REFUSED(&w, "Ann", LK_USE_FACE_SOURCE, "damaged");
    world_close(&w);
}

/* Keys lost, damaged, exchanged; the database lost. Nothing is made anew in their place. */
static void test_files(void)
{
    world w = world_new("files");
    char db[160], key[160], ann[200], bob[200], kept[160];
    snprintf(db, sizeof db, "%s/registry.db", w.dir);
    snprintf(key, sizeof key, "%s/keys/studio.key", w.dir);
    snprintf(kept, sizeof kept, "%s/kept", w.dir);
    snprintf(ann, sizeof ann, "%s/keys/subject-%s.key", w.dir, w.ann.id);
    snprintf(bob, sizeof bob, "%s/keys/subject-%s.key", w.dir, w.bob.id);
    lk_consent_record c;
    copy_file(ann, kept);
    copy_file(bob, ann);
    CHECK_STATUS(lk_consent_issue(w.r, "Ann", LK_USE_LIPS, DAY, "p", "s", &c, &w.err), LK_E_CONSENT, &w.err);
    unlink(ann);
    CHECK_STATUS(lk_consent_issue(w.r, "Ann", LK_USE_LIPS, DAY, "p", "s", &c, &w.err), LK_E_NOTFOUND, &w.err);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_FACE_SOURCE), LK_OK); /* what was signed stays signed */
    copy_file(kept, ann);
    lk_registry_close(&w.r);

    copy_file(key, kept);
    copy_file(bob, key);
    CHECK_STATUS(lk_registry_open(w.dir, true, &w.r, &w.err), LK_E_FORMAT, &w.err);
    CHECK_OK(lk_file_write_mode(key, "likeness", 8, 0600, &w.err), &w.err);
    CHECK_STATUS(lk_registry_open(w.dir, true, &w.r, &w.err), LK_E_FORMAT, &w.err);
    unlink(key);
    CHECK_STATUS(lk_registry_open(w.dir, true, &w.r, &w.err), LK_E_NOTFOUND, &w.err);
    CHECK(!lk_path_exists(key), "a new key was made in the place of the lost one");
    copy_file(kept, key);

    copy_file(db, kept);
    unlink(db);
    CHECK_STATUS(lk_registry_open(w.dir, true, &w.r, &w.err), LK_E_FORMAT, &w.err);
    CHECK(!lk_path_exists(db), "a new database was made in the place of the lost one");
    CHECK_OK(lk_file_write_mode(db, "", 0, 0600, &w.err), &w.err);
    CHECK_STATUS(lk_registry_open(w.dir, true, &w.r, &w.err), LK_E_FORMAT, &w.err);
    copy_file(kept, db);
    CHECK_OK(lk_registry_open(w.dir, true, &w.r, &w.err), &w.err);
    CHECK_REFUSED(&w, "Ann", LK_USE_FACE_SOURCE, "rule: copy"); /* the key's file was written anew */
    CHECK_OK(lk_registry_moved(w.r, &w.err), &w.err);
    CHECK_INT(try_grant(&w, "Ann", LK_USE_FACE_SOURCE), LK_OK);
    world_close(&w);
}

static lk_status add_state(void *user, const lk_consent_record *c, const char *state)
{
    strcat(user, state);
    strcat(user, " ");
    CHECK(strcmp(state, "tampered") || (c->uses == 0 && !*c->statement), "a tampered record is believed");
    return LK_OK;
}

static void test_listed(void)
{
    world w = world_new("listed");
    char states[100] = "";
    intrude(&w, IN_BODY("Dawn", "Dusk"));
    CHECK_OK(lk_consent_each(w.r, "Ann", add_state, states, &w.err), &w.err);
    CHECK_STR(states, "tampered ");
    world_close(&w);
}

static const check_test tests[] = {
    {"record bytes", test_record_bytes},
    {"rows", test_rows},
    {"exchanged", test_exchanged},
    {"rows in use", test_rows_in_use},
    {"unrevoke", test_unrevoke},
    {"rollback", test_rollback},
    {"files", test_files},
    {"listed", test_listed},
};

int main(int argc, char **argv)
{
    tempdir_make("tamper");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
