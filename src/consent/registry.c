/* registry.c: opening a project's registry, and its tables. */
#include <string.h>

#include "consent/bound.h"
#include "consent/internal.h"

/* What a row means is said by its signed text; other columns are there to find it. */
static const lk_migration migrations[] = {
    {"first floor",
     "CREATE TABLE studio(only INTEGER PRIMARY KEY CHECK(only = 1), key BLOB NOT NULL) STRICT;"
     "CREATE TABLE subject(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, depicts_nobody INTEGER NOT NULL,"
     " created INTEGER NOT NULL, key BLOB NOT NULL, studio_sig BLOB NOT NULL) STRICT;"
     "CREATE TABLE record(id TEXT PRIMARY KEY, subject TEXT NOT NULL REFERENCES subject(id), issued INTEGER "
     "NOT NULL,"
     " text TEXT NOT NULL, subject_sig BLOB NOT NULL, studio_sig BLOB NOT NULL) STRICT;"
     "CREATE INDEX record_subject ON record(subject);"
     "CREATE TABLE revocation(record TEXT PRIMARY KEY REFERENCES record(id), time INTEGER NOT NULL,"
     " reason TEXT NOT NULL) STRICT;"
     "CREATE TABLE audit(seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, kind TEXT NOT NULL, detail TEXT NOT "
     "NULL,"
     " prev BLOB NOT NULL, hash BLOB NOT NULL, sig BLOB NOT NULL) STRICT;"
     "CREATE TABLE asset(hash BLOB PRIMARY KEY, kind TEXT NOT NULL CHECK(kind IN ('media', 'dataset', "
     "'model', 'output')),"
     " path TEXT NOT NULL, note TEXT NOT NULL, created INTEGER NOT NULL) STRICT;"
     /* A parent need not be an asset: a clip may be used straight from somebody's disk. */
     "CREATE TABLE parent(child BLOB NOT NULL REFERENCES asset(hash), parent BLOB NOT NULL,"
     " PRIMARY KEY(child, parent)) STRICT;"
     "CREATE INDEX parent_parent ON parent(parent);"
     "CREATE TABLE asset_record(asset BLOB NOT NULL REFERENCES asset(hash), record TEXT NOT NULL REFERENCES "
     "record(id),"
     " PRIMARY KEY(asset, record)) STRICT;"
     "CREATE INDEX asset_record_record ON asset_record(record);"},
    /* Records of the second form: the row in record is their id, with empty text and signatures; what they
     * say lies here, version by version. Requests wait here for the subject's answer. */
    {"terms",
     "CREATE TABLE version(record TEXT NOT NULL REFERENCES record(id), number INTEGER NOT NULL, body BLOB "
     "NOT NULL,"
     " subject_sig BLOB NOT NULL, studio_sig BLOB NOT NULL, sealed BLOB, PRIMARY KEY(record, number)) STRICT;"
     "CREATE TABLE request(record TEXT NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL, sealed BLOB,"
     " PRIMARY KEY(record, number)) STRICT;"},
    {"binding", BIND_TABLES}, /* bound.h */
    {"enrolment", ENROL_TABLES},
};
static const lk_schema schema = {0x4C4B4352 /* "LKCR" */, migrations, (int)LK_COUNT(migrations)};

void registry_lock(lk_registry *r) { pthread_mutex_lock(&r->lock); }

void registry_unlock(lk_registry *r) { pthread_mutex_unlock(&r->lock); }

lk_status registry_begin(lk_registry *r, lk_error *err)
{
    registry_lock(r);
    lk_status s = lk_store_begin(r->db, err);
    r->writing = r->writing || s == LK_OK;
    if (s != LK_OK) registry_unlock(r);
    return s;
}

lk_status registry_end(lk_registry *r, lk_status so_far, bool need_tip, lk_error *err)
{
    lk_status s = lk_store_end(r->db, so_far, err);
    r->writing = false;
    if (s != LK_OK) {
        audit_forget(r); /* it may have read rows that are gone again */
    } else {
        lk_status tip = audit_remember_tip(r, need_tip ? err : NULL);
        if (need_tip) s = tip;
        else if (tip != LK_OK) lk_log(1, "consent", "%s/keys/audit.tip was not renewed", r->dir);
    }
    registry_unlock(r);
    return s;
}

lk_registry *registry_ref(lk_registry *r)
{
    registry_lock(r);
    r->refs++;
    registry_unlock(r);
    return r;
}

static lk_registry *registry_new(const char *dir)
{
    lk_registry *r = lk_calloc(1, sizeof *r);
    if (!r) return NULL;
    r->dir = lk_strdup(dir);
    if (!r->dir) {
        lk_free(r);
        return NULL;
    }
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&r->lock, &kind);
    pthread_mutexattr_destroy(&kind);
    r->refs = 1;
    return r;
}

void lk_registry_close(lk_registry **rp)
{
    lk_registry *r = *rp;
    if (!r) return;
    *rp = NULL;
    registry_lock(r);
    int left = --r->refs;
    registry_unlock(r);
    if (left > 0) return; /* grants live on: they must be able to ask again */
    lk_store_close(&r->db);
    lk_wipe(r->studio_secret, sizeof r->studio_secret);
    pthread_mutex_destroy(&r->lock);
    known_clear(&r->known);
    lk_free(r->dir);
    lk_free(r);
}

/* The key that the database was made with: LK_END when it is new and has none. */
static lk_status stored_key(lk_registry *r, uint8_t key[LK_SIGN_PUBLIC], lk_error *err)
{
    lk_stmt *q = NULL;
    LK_TRY(lk_store_prepare(r->db, "SELECT key FROM studio", &q, err));
    lk_status s = lk_stmt_step(q, err);
    if (s == LK_OK) s = lk_stmt_copy_blob(q, 0, key, LK_SIGN_PUBLIC, err);
    lk_stmt_free(&q);
    return s;
}

/* The first row of the log names the key, in the same transaction. */
static lk_status begin_log(lk_registry *r, lk_error *err)
{
    uint8_t key[LK_SIGN_PUBLIC];
    char place[24];
    lk_text detail = {0};
    LK_TRY(keys_place(r->dir, place, err));
    LK_TRY(lk_store_begin(r->db, err));
    lk_status s = stored_key(r, key, err);
    if (s == LK_END) { /* still so under the lock */
        pair_hex(&detail, "studio_key", r->studio_public, LK_SIGN_PUBLIC);
        pair_text(&detail, "place", place);
        lk_text_add(&detail, "}");
        s = lk_store_run(r->db, err, NULL, "INSERT INTO studio(only, key) VALUES(1, ?1)", "b",
                         r->studio_public, (size_t)LK_SIGN_PUBLIC);
        if (s == LK_OK) s = audit_append(r, "registry", &detail, NULL, NULL, err);
    }
    lk_text_clear(&detail);
    return lk_store_end(r->db, s, err);
}

static lk_status open_files(lk_registry *r, const char *db_path, bool create, lk_error *err)
{
    bool have_db = lk_path_exists(db_path);
    if (!have_db && !create)
        return LK_FAIL(err, LK_E_NOTFOUND, "%s holds no project: %s does not exist; check the folder's name",
                       r->dir, db_path);
    if (!have_db && keys_have(r->dir, "audit.tip"))
        return LK_FAIL(err, LK_E_FORMAT, "%s is gone, though %s/keys belongs to one; restore it from a copy",
                       db_path, r->dir);
    if (!have_db) {
        LK_TRY(lk_dir_make(r->dir, err));
        LK_TRY(keys_folder(r->dir, err));
    }
    if (have_db || keys_have(r->dir, "studio.key"))
        LK_TRY(keys_load(r->dir, "studio.key", r->studio_public, r->studio_secret, err));
    else LK_TRY(keys_make(r->dir, "studio.key", r->studio_public, r->studio_secret, err));
    LK_TRY(lk_store_open(db_path, &schema, create, &r->db, err));

    uint8_t key[LK_SIGN_PUBLIC];
    lk_status s = stored_key(r, key, err);
    if (s == LK_END) {
        LK_TRY(begin_log(r, err));
        s = stored_key(r, key, err);
    }
    LK_TRY(s);
    if (memcmp(key, r->studio_public, sizeof key) != 0)
        return LK_FAIL(err, LK_E_FORMAT,
                       "%s was not signed with %s/keys/studio.key; put the two that belong together side "
                       "by side again",
                       db_path, r->dir);
    return LK_OK;
}

lk_status lk_registry_open(const char *dir, bool create, lk_registry **out, lk_error *err)
{
    *out = NULL;
    if (!dir || !*dir) return LK_FAIL(err, LK_E_ARG, "a project needs a folder");
    lk_registry *r = registry_new(dir);
    char *db_path = lk_strfmt("%s/registry.db", dir);
    lk_status s = r && db_path ? open_files(r, db_path, create, err) : consent_no_memory(err);
    lk_free(db_path);
    if (s != LK_OK) lk_registry_close(&r);
    *out = r;
    return s;
}

const uint8_t *lk_registry_key(const lk_registry *r) { return r->studio_public; }

lk_status lk_registry_name(lk_registry *r, const char *project, lk_error *err)
{
    lk_text detail = {0};
    LK_TRY(check_words("project's name", project, sizeof r->known.project, false, err));
    registry_lock(r);
    lk_status seen = audit_catch_up(r, err);
    bool named = *r->known.project != '\0';
    registry_unlock(r);
    if (seen != LK_OK || named) return seen;
    LK_TRY(registry_begin(r, err));
    lk_status s = audit_catch_up(r, err);
    if (s == LK_OK && !*r->known.project) {
        pair_text(&detail, "name", project);
        lk_text_add(&detail, "}");
        s = audit_append(r, "project", &detail, NULL, NULL, err);
    }
    lk_text_clear(&detail);
    return registry_end(r, s, false, err);
}

lk_status lk_registry_moved(lk_registry *r, lk_error *err)
{
    char place[24];
    lk_text detail = {0};
    LK_TRY(keys_place(r->dir, place, err));
    pair_text(&detail, "place", place);
    lk_text_add(&detail, "}");
    lk_status s = registry_begin(r, err);
    if (s == LK_OK) {
        s = audit_catch_up(r, err);
        if (s == LK_OK && strcmp(place, r->known.place) != 0)
            s = audit_append(r, "moved", &detail, NULL, NULL, err);
        s = registry_end(r, s, false, err);
    }
    lk_text_clear(&detail);
    return s;
}
