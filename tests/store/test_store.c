/* test_store.c: opening, migrating and refusing databases, transactions, statements, faults. */
#include <sys/stat.h>
#include <sys/wait.h>

#include "check.h"
#include "fault.h"
#include "sqlite_fault.h"
#include "store/store.h"
#include "tempdir.h"

static const lk_migration rows[] = {
    {"first", "CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT UNIQUE, data BLOB, size REAL) STRICT;"
              "CREATE TABLE part(item INTEGER NOT NULL REFERENCES item(id)) STRICT"},
    {"second",
     "ALTER TABLE item ADD COLUMN note TEXT; INSERT INTO item(name) VALUES('made by the second row')"},
    {"broken", "CREATE TABLE more(x); CREATE TABLE item(id)"},
};
static const lk_schema first = {0x4C4B5431, rows, 1}, both = {0x4C4B5431, rows, 2},
                       broken = {0x4C4B5431, rows, 3}, stranger = {0x4C4B5432, rows, 1};

static int64_t count_items(lk_store *db)
{
    lk_error err = {0};
    lk_stmt *q = NULL;
    int64_t n = -1;
    CHECK_OK(lk_store_prepare(db, "SELECT count(*) FROM item", &q, &err), &err);
    if (q && lk_stmt_step(q, &err) == LK_OK) n = lk_stmt_int(q, 0);
    lk_stmt_free(&q);
    return n;
}

static void test_open(void)
{
    lk_error err = {0};
    lk_store *db = NULL;
    const char *path = in_tempdir("open.db");
    CHECK_STATUS(lk_store_open(path, &first, false, &db, &err), LK_E_NOTFOUND, &err);
    CHECK(!db && !lk_path_exists(path), "nothing is made unasked");
    CHECK_OK(lk_store_open(path, &first, true, &db, &err), &err);
    struct stat st;
    CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600, "rights %o", st.st_mode & 0777u);
    CHECK_OK(lk_store_run(db, &err, NULL, "INSERT INTO item(name) VALUES(?1)", "s", "kept"), &err);
    lk_store_close(&db);
    CHECK(!db, "closed");
    CHECK_OK(lk_store_open(path, &first, true, &db, &err), &err);
    CHECK_INT(count_items(db), 1);
    CHECK_STR(lk_store_path(db), path);
    CHECK_OK(lk_store_check(db, &err), &err);
    lk_store_close(&db);
    CHECK_STATUS(lk_store_open("", &first, true, &db, &err), LK_E_ARG, &err);
    CHECK_STATUS(lk_store_open(in_tempdir("no/such.db"), &first, true, &db, &err), LK_E_IO, &err);
}

static void test_migrate(void)
{
    lk_error err = {0};
    lk_store *db = NULL;
    const char *path = in_tempdir("migrate.db");
    CHECK_OK(lk_store_open(path, &first, true, &db, &err), &err);
    lk_store_close(&db);
    CHECK_OK(lk_store_open(path, &both, false, &db, &err), &err);
    CHECK_INT(count_items(db), 1);
    lk_store_close(&db);
    CHECK_OK(lk_store_open(path, &both, false, &db, &err), &err); /* not a second time */
    CHECK_INT(count_items(db), 1);
    lk_store_close(&db);
    CHECK_STATUS(lk_store_open(path, &first, false, &db, &err), LK_E_UNSUPPORTED, &err);
    CHECK(strstr(err.message, "newer"), "%s", err.message);
    CHECK_STATUS(lk_store_open(path, &stranger, false, &db, &err), LK_E_FORMAT, &err);
    /* A migration that fails leaves the version before it, whole. */
    CHECK(lk_store_open(path, &broken, false, &db, &err) != LK_OK, "a broken migration went through");
    CHECK_OK(lk_store_open(path, &both, false, &db, &err), &err);
    CHECK_INT(count_items(db), 1);
    CHECK(lk_store_exec(db, "SELECT * FROM more", &err) != LK_OK, "half a migration was kept");
    lk_store_close(&db);
}

static void write_bytes(const char *path, const void *data, size_t n)
{
    lk_error err = {0};
    CHECK_OK(lk_file_write_atomic(path, data, n, &err), &err);
}

/* Damage is reported, and the file stays as it was for whoever repairs it. */
static void test_damage(void)
{
    lk_error err = {0};
    lk_store *db = NULL;
    const char *path = in_tempdir("good.db"), *bad = in_tempdir("bad.db");
    CHECK_OK(lk_store_open(path, &both, true, &db, &err), &err);
    for (int i = 0; i < 400; i++)
        CHECK_OK(lk_store_run(db, &err, NULL,
                              "INSERT INTO item(name, note) VALUES('n' || ?1, hex(randomblob(40)))", "i",
                              (int64_t)i),
                 &err);
    lk_store_close(&db);
    void *good = NULL;
    size_t n = 0;
    CHECK_OK(lk_file_read(path, 1 << 24, &good, &n, &err), &err);
    if (!good) return;

    write_bytes(bad, good, 0);
    CHECK_STATUS(lk_store_open(bad, &both, true, &db, &err), LK_E_FORMAT, &err);
    CHECK_INT(lk_file_size(bad), 0);
    write_bytes(bad, "this is no database, it is a letter to a friend", 47);
    CHECK_STATUS(lk_store_open(bad, &both, true, &db, &err), LK_E_FORMAT, &err);
    CHECK_INT(lk_file_size(bad), 47);
    for (size_t cut = 4096; cut < n; cut += 4096 * 2 + 100) {
        write_bytes(bad, good, cut);
        CHECK_STATUS(lk_store_open(bad, &both, true, &db, &err), LK_E_FORMAT, &err);
        CHECK_INT(lk_file_size(bad), cut);
    }
    /* Wipe each page in turn: no crash, and either an error or a database that reads. */
    int refused = 0;
    for (size_t page = 0; page + 4096 <= n; page += 4096) {
        unsigned char *copy = lk_alloc(n);
        memcpy(copy, good, n);
        memset(copy + page, 0x5A, 4096);
        write_bytes(bad, copy, n);
        lk_status s = lk_store_open(bad, &both, true, &db, &err);
        refused += s == LK_E_FORMAT;
        CHECK(s == LK_OK || s == LK_E_FORMAT, "status %d: %s", (int)s, err.message);
        lk_store_close(&db);
        lk_free(copy);
    }
    CHECK(refused >= (int)(n / 4096) - 1, "only %d of %zu damaged files were refused", refused, n / 4096);
    lk_free(good);
}

static void test_transactions(void)
{
    lk_error err = {0};
    lk_store *db = NULL, *other = NULL;
    const char *path = in_tempdir("tx.db");
    CHECK_OK(lk_store_open(path, &first, true, &db, &err), &err);
    CHECK_OK(lk_store_open(path, &first, false, &other, &err), &err);
    CHECK_OK(lk_store_begin(db, &err), &err);
    CHECK_STATUS(lk_store_begin(db, &err), LK_E_STATE, &err);
    CHECK_OK(lk_store_run(db, &err, NULL, "INSERT INTO item(name) VALUES('a')", ""), &err);
    CHECK_INT(count_items(db), 1);
    CHECK_INT(count_items(other), 0); /* readers neither wait nor see half of it */
    lk_store_rollback(db);
    CHECK_INT(count_items(db), 0);
    CHECK_STATUS(lk_store_commit(db, &err), LK_E_STATE, &err);
    CHECK_OK(lk_store_begin(db, &err), &err);
    CHECK_OK(lk_store_run(db, &err, NULL, "INSERT INTO item(name) VALUES('b')", ""), &err);
    CHECK_OK(lk_store_end(db, LK_OK, &err), &err);
    CHECK_OK(lk_store_begin(db, &err), &err);
    CHECK_OK(lk_store_run(db, &err, NULL, "INSERT INTO item(name) VALUES('c')", ""), &err);
    CHECK_STATUS(lk_store_end(db, LK_E_CANCELLED, &err), LK_E_CANCELLED, &err);
    CHECK_INT(count_items(other), 1);
    CHECK_OK(lk_store_begin(db, &err), &err); /* closing forgets an open one */
    CHECK_OK(lk_store_run(db, &err, NULL, "INSERT INTO item(name) VALUES('d')", ""), &err);
    lk_store_close(&db);
    CHECK_INT(count_items(other), 1);
    lk_store_close(&other);
}

static void test_statements(void)
{
    lk_error err = {0};
    lk_store *db = NULL;
    lk_stmt *q = NULL;
    int64_t changed = 0;
    CHECK_OK(lk_store_open(in_tempdir("stmt.db"), &both, true, &db, &err), &err);
    CHECK_OK(lk_store_run(db, &err, &changed,
                          "INSERT INTO item(id, name, data, size, note) VALUES(?1, ?2, ?3, ?4, ?5)", "isbdn",
                          (int64_t)7, "seven", (const void *)"\0\1\2", (size_t)3, 7.5),
             &err);
    CHECK_INT(changed, 1);
    CHECK_OK(lk_store_run(db, &err, &changed, "UPDATE item SET size = 1", ""), &err);
    CHECK_INT(changed, 2);
    CHECK_STATUS(lk_store_run(db, &err, NULL, "INSERT INTO item(name) VALUES('seven')", ""), LK_E_ARG, &err);
    CHECK_STATUS(lk_store_run(db, &err, NULL, "INSERT INTO part(item) VALUES(99)", ""), LK_E_ARG, &err);
    CHECK_STATUS(lk_store_run(db, &err, NULL, "INSERT INTO item(id) VALUES(?1)", ""), LK_E_BUG, &err);
    CHECK_STATUS(lk_store_run(db, &err, NULL, "SELECT no_such_column FROM item", ""), LK_E_FORMAT, &err);
    CHECK_OK(lk_store_prepare(db, "SELECT name, data, size, note, id FROM item WHERE id = ?1", &q, &err),
             &err);
    for (int i = 0; i < 2; i++) {
        CHECK_OK(lk_stmt_bind(q, &err, "i", (int64_t)7), &err);
        CHECK_OK(lk_stmt_step(q, &err), &err);
        size_t n = 0;
        CHECK_STR(lk_stmt_text(q, 0), "seven");
        CHECK(!memcmp(lk_stmt_blob(q, 1, &n), "\0\1\2", 3) && n == 3, "blob of %zu", n);
        CHECK_NEAR(lk_stmt_double(q, 2), 1, 0);
        CHECK(lk_stmt_null(q, 3) && !lk_stmt_null(q, 0), "which is null");
        CHECK_STR(lk_stmt_text(q, 3), "");
        CHECK_INT(lk_stmt_int(q, 4), 7);
        char name[6], small[5];
        unsigned char three[3], four[4];
        CHECK_OK(lk_stmt_copy_text(q, 0, name, sizeof name, &err), &err);
        CHECK_STR(name, "seven");
        CHECK_STATUS(lk_stmt_copy_text(q, 0, small, sizeof small, &err), LK_E_FORMAT, &err);
        CHECK_OK(lk_stmt_copy_blob(q, 1, three, 3, &err), &err);
        CHECK_STATUS(lk_stmt_copy_blob(q, 1, four, 4, &err), LK_E_FORMAT, &err);
        CHECK_INT(lk_stmt_step(q, &err), LK_END);
    }
    lk_stmt_free(&q);
    lk_store_close(&db);
}

/* Eight processes add rows at the same time, to a file that none of them made: nothing is lost. */
static void test_processes(void)
{
    const char *path = in_tempdir("many.db");
    enum { PROCESSES = 8, EACH = 12 };
    for (int p = 0; p < PROCESSES; p++) {
        if (fork() == 0) {
            lk_error err = {0};
            lk_store *db = NULL;
            lk_status s = lk_store_open(path, &both, true, &db, &err);
            for (int i = 0; i < EACH && s == LK_OK; i++) {
                s = lk_store_begin(db, &err);
                if (s == LK_OK)
                    s = lk_store_end(db,
                                     lk_store_run(db, &err, NULL,
                                                  "INSERT INTO item(name) VALUES(?1 || '-' || ?2)", "ii",
                                                  (int64_t)p, (int64_t)i),
                                     &err);
            }
            lk_store_close(&db);
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
    lk_store *db = NULL;
    CHECK_OK(lk_store_open(path, &both, false, &db, &err), &err);
    if (db) CHECK_INT(count_items(db), 1 + PROCESSES * EACH);
    lk_store_close(&db);
}

/* Whatever fails while a file is made: none, or a good one, and no scraps. */
static void create_with_fault(lk_fault_kind kind)
{
    lk_error err = {0};
    char folder[128], path[160];
    snprintf(folder, sizeof folder, "%s", in_tempdir("create"));
    snprintf(path, sizeof path, "%s/f.db", folder);
    FAULT_LOOP_STEP(kind, false, kind == LK_FAULT_ALLOC ? 11 : 1, {
        lk_store *db = NULL;
        lk_dir_make(folder, NULL); /* itself may fail here: then the next line does */
        lk_status s = lk_store_open(path, &both, true, &db, &err);
        CHECK(fault_clean(s) || s == LK_E_NOTFOUND, "kind %d status %d: %s", (int)kind, (int)s, err.message);
        CHECK((s == LK_OK) == (db != NULL), "a handle after status %d", (int)s);
        lk_store_close(&db);
        if (s != LK_OK && lk_path_exists(folder))
            CHECK(count_entries(folder) == (lk_path_exists(path) ? 1 : 0) || kind != LK_FAULT_ALLOC,
                  "%d files", count_entries(folder));
        tempdir_clear(folder);
    });
}

static void add_two(lk_store *db, lk_status *s, lk_error *err)
{
    *s = lk_store_begin(db, err);
    if (*s != LK_OK) return;
    *s = lk_store_run(db, err, NULL, "INSERT INTO item(name, data) VALUES('x1', zeroblob(9000))", "");
    if (*s == LK_OK)
        *s = lk_store_run(db, err, NULL, "INSERT INTO item(name, data) VALUES('x2', ?1)", "b",
                          (const void *)"blob", (size_t)4);
    *s = lk_store_end(db, *s, err);
}

/* Two rows or none, and exactly two when it said so, also for a later reader. */
static void add_with_fault(lk_fault_kind kind, const char *path)
{
    lk_error err = {0};
    int refused = 0;
    FAULT_LOOP_STEP(kind, false, kind == LK_FAULT_ALLOC ? 11 : 1, {
        lk_store *db = NULL;
        lk_status s = lk_store_open(path, &first, true, &db, &err);
        if (s == LK_OK) add_two(db, &s, &err);
        lk_store_close(&db);
        bool struck = lk_fault_count(kind) >= fault_n_;
        lk_fault_set(kind, 0, false);
        CHECK(fault_clean(s), "kind %d status %d: %s", (int)kind, (int)s, err.message);
        refused += s != LK_OK;
        CHECK_OK(lk_store_open(path, &first, true, &db, &err), &err);
        if (db) {
            int64_t n = count_items(db);
            CHECK(n == 2 || (n == 0 && s != LK_OK), "%d rows after status %d", (int)n, (int)s);
            CHECK_OK(lk_store_run(db, &err, NULL, "DELETE FROM item", ""), &err);
        }
        lk_store_close(&db);
        lk_fault_set(kind, 1, false);
        for (int64_t i = 0; struck && i < fault_n_; i++) lk_fault_hit(kind); /* tell the loop */
    });
    CHECK(refused > 0, "no fault of kind %d ever came through", (int)kind);
}

static void test_faults(void)
{
    for (int kind = 0; kind <= LK_FAULT_SYNC; kind++) {
        create_with_fault((lk_fault_kind)kind);
        add_with_fault((lk_fault_kind)kind, in_tempdir("add.db"));
    }
}

static const check_test tests[] = {
    {"open", test_open},
    {"migrate", test_migrate},
    {"damage", test_damage},
    {"transactions", test_transactions},
    {"statements", test_statements},
    {"processes", test_processes},
    {"faults", test_faults},
};

int main(int argc, char **argv)
{
    if (!sqlite_fault_install()) return 1;
    tempdir_make("store");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
