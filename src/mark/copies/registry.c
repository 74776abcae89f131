/* registry.c: DIR/copies.db, a row a file, and the flat array of all hashes in memory.
 *
 * The hashes of a file are one blob, so that a million of them are read in well under a second; motion and sound are
 * blobs of their own, read only for the few files whose looks are near. Any process may add at any time: a number in
 * the table `state` grows with every change, and what is in memory is read anew when it is behind.
 */
#include <string.h>

#include "mark/copies/internal.h"
#include "mark/copies/sound.h"

static const lk_migration migrations[] = {
    {"copies",
     "CREATE TABLE state(only INTEGER PRIMARY KEY CHECK(only = 1), generation INTEGER NOT NULL) STRICT;"
     "INSERT INTO state(only, generation) VALUES(1, 0);"
     "CREATE TABLE file(id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, path TEXT NOT NULL, kind TEXT NOT NULL,"
     " manifest TEXT NOT NULL, watermark INTEGER NOT NULL, created INTEGER NOT NULL, duration REAL NOT NULL) STRICT;"
     "CREATE INDEX file_watermark ON file(watermark) WHERE watermark != 0;"
     "CREATE TABLE look(file INTEGER PRIMARY KEY REFERENCES file(id), hashes BLOB NOT NULL) STRICT;"
     "CREATE TABLE motion(file INTEGER PRIMARY KEY REFERENCES file(id), cells BLOB NOT NULL) STRICT;"
     "CREATE TABLE sound(file INTEGER PRIMARY KEY REFERENCES file(id), words BLOB NOT NULL) STRICT;"},
};
static const lk_schema schema = {0x4C4B4350 /* "LKCP" */, migrations, (int)LK_COUNT(migrations)};

/* Rows of the blobs, in the byte order of the machines this runs on (little-endian). */
typedef struct look_row {
    lk_pdq hash;
    float begin, end;
    uint8_t variant, quality, zero[6];
} look_row;
_Static_assert(sizeof(look_row) == 48, "a look is 48 bytes on disk");
_Static_assert(sizeof(copies_motion) == 132, "a moment of motion is 132 bytes on disk");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "blobs are little-endian");

enum {
    KEEP_BITS = 8,          /* a registered look stands for all within so many bits of it */
    INDEX_FROM = 1 << 14    /* fewer hashes are scanned faster than indexed */
};

lk_status lk_copies_open(const char *dir, bool create, lk_copies **out, lk_error *err)
{
    *out = NULL;
    lk_error why = {0};
    lk_copies *c = lk_calloc(1, sizeof *c);
    char *path = lk_strfmt("%s/copies.db", dir && *dir ? dir : ".");
    if (!c || !path) {
        lk_free(c);
        lk_free(path);
        return copies_no_memory(err, "the registry of copies");
    }
    c->generation = -1;
    lk_status s = lk_store_open(path, &schema, create, &c->db, &why);
    if (s == LK_E_NOTFOUND)
        LK_FAIL(err, s, "nothing is registered in %s yet; begin with: likeness registry add FOLDER", dir);
    else if (s == LK_E_FORMAT)
        LK_FAIL(err, s, "%.330s; or move it away and register the files anew: likeness registry add FOLDER", why.message);
    else if (s != LK_OK && err) *err = why;
    lk_free(path);
    if (s != LK_OK) lk_free(c);
    else *out = c;
    return s;
}

static void flat_clear(lk_copies *c)
{
    copies_index_free(&c->index);
    lk_sound_index_free(&c->sound);
    lk_free(c->flat.hash);
    lk_free(c->flat.begin);
    lk_free(c->flat.end);
    lk_free(c->flat.file);
    lk_free(c->flat.variant);
    lk_free(c->flat.file_id);
    c->flat = (copies_flat){0};
    c->generation = -1;
}

void lk_copies_close(lk_copies **cp)
{
    lk_copies *c = *cp;
    if (!c) return;
    *cp = NULL;
    flat_clear(c);
    lk_store_close(&c->db);
    lk_free(c);
}

static lk_status bent(lk_copies *c, const char *what, lk_error *err)
{
    return LK_FAIL(err, LK_E_FORMAT, "%s is damaged (%s); restore it from a copy, or move it away and register the files anew: "
                   "likeness registry add FOLDER", lk_store_path(c->db), what);
}

/* --- adding and removing ------------------------------------------------------------------------------------ */

static lk_status changed(lk_copies *c, lk_error *err)
{
    return lk_store_run(c->db, err, NULL, "UPDATE state SET generation = generation + 1", "");
}

/* The looks worth keeping: within KEEP_BITS of the one before, of the same variant, a look only lengthens its span. */
static lk_status pack_looks(const lk_copies_hashes *h, look_row **out, int *count, lk_error *err)
{
    int last[COPIES_VARIANTS], n = 0;
    look_row *rows = lk_alloc((size_t)LK_MAX(h->look_count, 1) * sizeof *rows);
    if (!rows) return copies_no_memory(err, "the hashes of a file");
    for (int v = 0; v < COPIES_VARIANTS; v++) last[v] = -1;
    for (int i = 0; i < h->look_count; i++) {
        const copies_look *l = &h->looks[i];
        int before = last[l->variant];
        if (before >= 0 && l->begin - rows[before].end < 1 && lk_pdq_distance(&rows[before].hash, &l->view[0]) <= KEEP_BITS) {
            rows[before].end = l->end;
            continue;
        }
        rows[n] = (look_row){.hash = l->view[0], .begin = l->begin, .end = l->end, .variant = l->variant, .quality = l->quality};
        last[l->variant] = n++;
    }
    *out = rows;
    *count = n;
    return LK_OK;
}

static lk_status put_blob(lk_copies *c, const char *sql, int64_t id, const void *data, size_t n, lk_error *err)
{
    if (!n) return LK_OK;
    return lk_store_run(c->db, err, NULL, sql, "ib", id, data, n);
}

static lk_status drop_rows(lk_copies *c, int64_t id, lk_error *err)
{
    static const char *const sql[] = {"DELETE FROM look WHERE file = ?1", "DELETE FROM motion WHERE file = ?1",
                                      "DELETE FROM sound WHERE file = ?1"};
    for (size_t i = 0; i < LK_COUNT(sql); i++) LK_TRY(lk_store_run(c->db, err, NULL, sql[i], "i", id));
    return LK_OK;
}

/* LK_END: not registered. */
static lk_status one_int(lk_copies *c, const char *sql, const lk_hash *key, int64_t *out, lk_error *err)
{
    lk_stmt *q = NULL;
    LK_TRY(lk_store_prepare(c->db, sql, &q, err));
    lk_status s = key ? lk_stmt_bind(q, err, "b", key->b, (size_t)LK_HASH_BYTES) : LK_OK;
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK) *out = lk_stmt_int(q, 0);
    lk_stmt_free(&q);
    return s;
}

lk_status copies_id_of(lk_copies *c, const lk_hash *file, int64_t *id, lk_error *err)
{
    return one_int(c, "SELECT id FROM file WHERE hash = ?1", file, id, err);
}

/* The row of the file. An output that is found again in a folder stays the output that it is. */
static lk_status put_file(lk_copies *c, const lk_copy_entry *e, double duration, int64_t *id, lk_error *err)
{
    lk_status s = copies_id_of(c, &e->file, id, err);
    if (s == LK_OK) {
        LK_TRY(drop_rows(c, *id, err));
        return lk_store_run(c->db, err, NULL,
                            "UPDATE file SET path = ?2, duration = ?3, kind = CASE WHEN kind = 'output' THEN kind ELSE ?4 END,"
                            " manifest = CASE WHEN ?5 = '' THEN manifest ELSE ?5 END,"
                            " watermark = CASE WHEN ?6 = 0 THEN watermark ELSE ?6 END WHERE id = ?1",
                            "isdssi", *id, e->path, duration, e->kind, e->manifest, (int64_t)e->watermark);
    }
    if (s != LK_END) return s;
    LK_TRY(lk_store_run(c->db, err, NULL,
                        "INSERT INTO file(hash, path, kind, manifest, watermark, created, duration)"
                        " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                        "bsssiid", e->file.b, (size_t)LK_HASH_BYTES, e->path, e->kind, e->manifest, (int64_t)e->watermark,
                        e->created, duration));
    return copies_id_of(c, &e->file, id, err);
}

static lk_status put_all(lk_copies *c, const lk_copy_entry *e, const lk_copies_hashes *h, const look_row *rows, int count,
                         lk_error *err)
{
    int64_t id = 0;
    double duration = e->duration > 0 || !h ? e->duration : h->duration;
    LK_TRY(put_file(c, e, duration, &id, err));
    LK_TRY(put_blob(c, "INSERT INTO look(file, hashes) VALUES(?1, ?2)", id, rows, (size_t)count * sizeof *rows, err));
    if (h) {
        LK_TRY(put_blob(c, "INSERT INTO motion(file, cells) VALUES(?1, ?2)", id, h->motion,
                        (size_t)h->motion_count * sizeof *h->motion, err));
        LK_TRY(put_blob(c, "INSERT INTO sound(file, words) VALUES(?1, ?2)", id, h->sound,
                        (size_t)h->sound_count * sizeof *h->sound, err));
    }
    return changed(c, err);
}

lk_status lk_copies_add(lk_copies *c, const lk_copy_entry *e, const lk_copies_hashes *h, lk_error *err)
{
    look_row *rows = NULL;
    int count = 0;
    if (strcmp(e->kind, "output") != 0 && strcmp(e->kind, "added") != 0)
        return LK_FAIL(err, LK_E_ARG, "a registered file is an output or was added, not \"%s\"", e->kind);
    if (h) LK_TRY(pack_looks(h, &rows, &count, err));
    lk_status s = lk_store_begin(c->db, err);
    if (s == LK_OK) s = lk_store_end(c->db, put_all(c, e, h, rows, count, err), err);
    lk_free(rows);
    return s;
}

static lk_status remove_rows(lk_copies *c, const lk_hash *file, lk_error *err)
{
    int64_t id = 0;
    char hex[LK_HASH_HEX];
    lk_hash_hex(file, hex);
    lk_status s = copies_id_of(c, file, &id, err);
    if (s == LK_END) return LK_FAIL(err, LK_E_NOTFOUND, "the file with SHA-256 %.16s... is not registered here; likeness registry list "
                                    "shows what is", hex);
    LK_TRY(s);
    LK_TRY(drop_rows(c, id, err));
    LK_TRY(lk_store_run(c->db, err, NULL, "DELETE FROM file WHERE id = ?1", "i", id));
    return changed(c, err);
}

lk_status lk_copies_remove(lk_copies *c, const lk_hash *file, lk_error *err)
{
    LK_TRY(lk_store_begin(c->db, err));
    return lk_store_end(c->db, remove_rows(c, file, err), err);
}

/* --- reading --------------------------------------------------------------------------------------------------- */

#define ENTRY "SELECT id, hash, path, kind, manifest, watermark, created, duration FROM file "

static lk_status entry_row(lk_stmt *q, lk_copy_entry *out, lk_error *err)
{
    memset(out, 0, sizeof *out);
    LK_TRY(lk_stmt_copy_blob(q, 1, out->file.b, LK_HASH_BYTES, err));
    LK_TRY(lk_stmt_copy_text(q, 2, out->path, sizeof out->path, err));
    LK_TRY(lk_stmt_copy_text(q, 3, out->kind, sizeof out->kind, err));
    LK_TRY(lk_stmt_copy_text(q, 4, out->manifest, sizeof out->manifest, err));
    out->watermark = (uint64_t)lk_stmt_int(q, 5);
    out->created = lk_stmt_int(q, 6);
    out->duration = lk_stmt_double(q, 7);
    return LK_OK;
}

static lk_status entry_where(lk_copies *c, const char *sql, int64_t key, lk_copy_entry *out, lk_error *err)
{
    lk_stmt *q = NULL;
    LK_TRY(lk_store_prepare(c->db, sql, &q, err));
    lk_status s = lk_stmt_bind(q, err, "i", key);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK) s = entry_row(q, out, err);
    lk_stmt_free(&q);
    return s;
}

lk_status copies_entry(lk_copies *c, int64_t id, lk_copy_entry *out, lk_error *err)
{
    lk_status s = entry_where(c, ENTRY "WHERE id = ?1", id, out, err);
    return s == LK_END ? bent(c, "hashes of a file without a row", err) : s;
}

lk_status lk_copies_by_file(lk_copies *c, const lk_hash *file, lk_copy_entry *out, lk_error *err)
{
    int64_t id = 0;
    lk_status s = copies_id_of(c, file, &id, err);
    if (s == LK_END) return LK_FAIL(err, LK_E_NOTFOUND, "the file is not registered in %s; likeness registry list shows what is", lk_store_path(c->db));
    LK_TRY(s);
    return copies_entry(c, id, out, err);
}

lk_status lk_copies_count(lk_copies *c, int64_t *files, lk_error *err)
{
    lk_status s = one_int(c, "SELECT count(*) FROM file", NULL, files, err);
    return s == LK_END ? bent(c, "no answer", err) : s;
}

lk_status lk_copies_by_watermark(lk_copies *c, uint64_t id, lk_copy_entry *out, lk_error *err)
{
    lk_status s = id ? entry_where(c, ENTRY "WHERE watermark = ?1 AND watermark != 0 ORDER BY id LIMIT 1", (int64_t)id, out, err) : LK_END;
    return s == LK_END ? LK_FAIL(err, LK_E_NOTFOUND, "no file with the watermark %016llx is registered in %s",
                                 (unsigned long long)id, lk_store_path(c->db)) : s;
}

lk_status lk_copies_each(lk_copies *c, lk_status (*fn)(void *user, const lk_copy_entry *e), void *user, lk_error *err)
{
    lk_stmt *q = NULL;
    lk_copy_entry e;
    LK_TRY(lk_store_prepare(c->db, ENTRY "ORDER BY id", &q, err));
    lk_status s;
    while ((s = lk_stmt_step(q, err)) == LK_OK) {
        if ((s = entry_row(q, &e, err)) != LK_OK) break;
        if ((s = fn(user, &e)) != LK_OK) break;
    }
    lk_stmt_free(&q);
    return s == LK_END ? LK_OK : s;
}

/* A blob of whole rows of size bytes each; none is n 0. */
static lk_status read_blob(lk_copies *c, const char *sql, int64_t id, size_t size, void **out, int *count, lk_error *err)
{
    lk_stmt *q = NULL;
    *out = NULL;
    *count = 0;
    LK_TRY(lk_store_prepare(c->db, sql, &q, err));
    lk_status s = lk_stmt_bind(q, err, "i", id);
    if (s == LK_OK) s = lk_stmt_step(q, err);
    if (s == LK_OK) {
        size_t n = 0;
        const void *data = lk_stmt_blob(q, 0, &n);
        if (n % size || n / size > INT32_MAX) s = bent(c, "a row of odd length", err);
        else if (n && data) {
            *out = lk_alloc(n);
            if (*out) memcpy(*out, data, n);
            else s = copies_no_memory(err, "comparing clips");
            if (*out) *count = (int)(n / size);
        }
    }
    lk_stmt_free(&q);
    return s == LK_END ? LK_OK : s;
}

lk_status copies_motion_of(lk_copies *c, int64_t id, copies_motion **out, int *count, lk_error *err)
{
    void *p;
    lk_status s = read_blob(c, "SELECT cells FROM motion WHERE file = ?1", id, sizeof **out, &p, count, err);
    *out = p;
    /* Somebody bent the row: what is not a time would lead the comparison astray. */
    for (int i = 0; s == LK_OK && i < *count; i++)
        if (!((*out)[i].seconds >= (i ? (*out)[i - 1].seconds : 0)) || !((*out)[i].seconds < 1e6f)) s = bent(c, "a clip's motion runs backwards", err);
    if (s != LK_OK) {
        lk_free(*out);
        *out = NULL;
        *count = 0;
    }
    return s;
}

lk_status copies_sound_of(lk_copies *c, int64_t id, uint32_t **words, int *count, lk_error *err)
{
    void *p;
    lk_status s = read_blob(c, "SELECT words FROM sound WHERE file = ?1", id, sizeof **words, &p, count, err);
    *words = p;
    return s;
}

/* --- everything in memory ------------------------------------------------------------------------------------------ */

static lk_status flat_reserve(copies_flat *f, int64_t rows, int64_t files, lk_error *err)
{
    f->hash = lk_alloc((size_t)LK_MAX(rows, 1) * sizeof *f->hash);
    f->begin = lk_alloc((size_t)LK_MAX(rows, 1) * sizeof *f->begin);
    f->end = lk_alloc((size_t)LK_MAX(rows, 1) * sizeof *f->end);
    f->file = lk_alloc((size_t)LK_MAX(rows, 1) * sizeof *f->file);
    f->variant = lk_alloc((size_t)LK_MAX(rows, 1));
    f->file_id = lk_alloc((size_t)LK_MAX(files, 1) * sizeof *f->file_id);
    if (!f->hash || !f->begin || !f->end || !f->file || !f->variant || !f->file_id) return copies_no_memory(err, "the registry of copies");
    return LK_OK;
}

static lk_status flat_fill(lk_copies *c, int64_t rows, int64_t files, lk_error *err)
{
    copies_flat *f = &c->flat;
    lk_stmt *q = NULL;
    LK_TRY(flat_reserve(f, rows, files, err));
    LK_TRY(lk_store_prepare(c->db, "SELECT file, hashes FROM look ORDER BY file", &q, err));
    lk_status s;
    while ((s = lk_stmt_step(q, err)) == LK_OK) {
        size_t n = 0;
        const uint8_t *blob = lk_stmt_blob(q, 1, &n);
        int64_t count = (int64_t)(n / sizeof(look_row));
        if (!blob || n % sizeof(look_row) || f->count + count > rows || f->files >= files) {
            s = bent(c, "a row of odd length", err);
            break;
        }
        f->file_id[f->files] = lk_stmt_int(q, 0);
        for (int64_t i = 0; i < count; i++, f->count++) {
            look_row r;
            memcpy(&r, blob + (size_t)i * sizeof r, sizeof r);
            f->hash[f->count] = r.hash;
            f->begin[f->count] = r.begin >= 0 && r.begin < 1e6f ? r.begin : 0;
            f->end[f->count] = r.end >= r.begin && r.end < 1e6f ? r.end : f->begin[f->count];
            f->file[f->count] = f->files;
            f->variant[f->count] = r.variant < COPIES_VARIANTS ? r.variant : 0;
        }
        f->files++;
    }
    lk_stmt_free(&q);
    return s == LK_END ? LK_OK : s;
}

static lk_status sound_fill(lk_copies *c, lk_error *err)
{
    lk_stmt *q = NULL;
    LK_TRY(lk_sound_index_new(&c->sound, err));
    LK_TRY(lk_store_prepare(c->db, "SELECT file, words FROM sound ORDER BY file", &q, err));
    lk_status s;
    while ((s = lk_stmt_step(q, err)) == LK_OK) {
        size_t n = 0;
        const void *blob = lk_stmt_blob(q, 1, &n);
        if (!blob || n % 4 || n / 4 > INT32_MAX) {
            s = bent(c, "a row of odd length", err);
            break;
        }
        uint32_t *words = lk_alloc(n); /* blobs of SQLite may lie at odd addresses */
        if (!words) {
            s = copies_no_memory(err, "the registry of sounds");
            break;
        }
        memcpy(words, blob, n);
        s = lk_sound_index_add(c->sound, lk_stmt_int(q, 0), words, (int)(n / 4), err);
        lk_free(words);
        if (s != LK_OK) break;
    }
    lk_stmt_free(&q);
    return s == LK_END ? LK_OK : s;
}


static lk_status load_under_lock(lk_copies *c, int64_t generation, lk_error *err)
{
    int64_t bytes = 0, files = 0;
    LK_TRY(one_int(c, "SELECT ifnull(sum(length(hashes)), 0) FROM look", NULL, &bytes, err));
    LK_TRY(one_int(c, "SELECT count(*) FROM look", NULL, &files, err));
    if (files > INT32_MAX) return bent(c, "more files than can be", err);
    LK_TRY(flat_fill(c, bytes / (int64_t)sizeof(look_row), files, err));
    if (c->flat.count >= INDEX_FROM) LK_TRY(copies_index_new(c->flat.hash, c->flat.count, &c->index, err));
    LK_TRY(sound_fill(c, err));
    c->generation = generation;
    return LK_OK;
}

lk_status copies_load(lk_copies *c, lk_error *err)
{
    int64_t generation = 0;
    lk_status s = one_int(c, "SELECT generation FROM state", NULL, &generation, err);
    if (s == LK_END) return bent(c, "the table state is empty", err);
    LK_TRY(s);
    if (generation == c->generation) return LK_OK;
    flat_clear(c);
    /* One view of the tables for all that is read, whoever writes meanwhile; readers hold nobody up. */
    LK_TRY(lk_store_exec(c->db, "BEGIN", err));
    s = one_int(c, "SELECT generation FROM state", NULL, &generation, err);
    if (s == LK_OK) s = load_under_lock(c, generation, err);
    lk_store_rollback(c->db);
    if (s != LK_OK) flat_clear(c);
    return s == LK_END ? bent(c, "the table state is empty", err) : s;
}
