/* test_file.c: reading whole files, and writing them old-or-new. */
#include <sys/stat.h>

#include "base/base.h"
#include "check.h"
#include "fault.h"
#include "tempdir.h"

static void test_round_trip(void)
{
    lk_error err = {0};
    void *data = NULL;
    size_t n = 0;
    char bytes[5000];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 7);
    CHECK_OK(lk_file_write_atomic(in_tempdir("a"), bytes, sizeof bytes, &err), &err);
    CHECK_OK(lk_file_read(in_tempdir("a"), sizeof bytes, &data, &n, &err), &err);
    CHECK(n == sizeof bytes && !memcmp(data, bytes, n) && ((char *)data)[n] == 0, "the content differs");
    lk_free(data);
    CHECK_STATUS(lk_file_read(in_tempdir("a"), sizeof bytes - 1, &data, &n, &err), LK_E_RANGE, &err);
    CHECK(!data, "nothing is handed out");
    CHECK_INT(lk_file_size(in_tempdir("a")), sizeof bytes);

    CHECK_OK(lk_file_write_atomic(in_tempdir("a"), "", 0, &err), &err);
    CHECK_OK(lk_file_read(in_tempdir("a"), 10, &data, &n, &err), &err);
    CHECK_INT(n, 0);
    lk_free(data);

    CHECK_OK(lk_file_read("/proc/self/status", 1 << 20, &data, &n, &err), &err); /* says it has 0 bytes */
    CHECK(n > 100, "%zu bytes", n);
    lk_free(data);

    CHECK_OK(lk_file_write_mode(in_tempdir("key"), "k", 1, 0600, &err), &err);
    struct stat st;
    CHECK(stat(in_tempdir("key"), &st) == 0 && (st.st_mode & 0777) == 0600, "rights %o", st.st_mode & 0777u);
}

static void test_refusals(void)
{
    lk_error err = {0};
    void *data;
    size_t n;
    lk_hash h;
    CHECK_STATUS(lk_file_read(in_tempdir("none"), 10, &data, &n, &err), LK_E_NOTFOUND, &err);
    CHECK(strstr(err.message, "none"), "the message names no file: %s", err.message);
    CHECK_STATUS(lk_file_read(tempdir, 1 << 20, &data, &n, &err), LK_E_IO, &err);
    CHECK_STATUS(lk_file_write_atomic(in_tempdir("no/such"), "x", 1, &err), LK_E_NOTFOUND, &err);
    CHECK_STATUS(lk_hash_file(in_tempdir("none"), &h, &err), LK_E_NOTFOUND, &err);
    CHECK_INT(lk_file_size(in_tempdir("none")), -1);
    CHECK_INT(lk_file_size(tempdir), -1);
}

static void test_dirs(void)
{
    lk_error err = {0};
    CHECK_OK(lk_dir_make(in_tempdir("x/y/z"), &err), &err);
    CHECK_OK(lk_dir_make(in_tempdir("x/y/z/"), &err), &err);
    CHECK_OK(lk_dir_make("/", &err), &err);
    CHECK(lk_path_exists(in_tempdir("x/y/z")) && !lk_path_exists(in_tempdir("x/q")), "folders are wrong");
    CHECK_OK(lk_file_write_atomic(in_tempdir("x/file"), "x", 1, &err), &err);
    CHECK_STATUS(lk_dir_make(in_tempdir("x/file/q"), &err), LK_E_IO, &err);
    CHECK_STATUS(lk_dir_make(in_tempdir("x/file"), &err), LK_E_IO, &err);
    CHECK_STATUS(lk_dir_make("", &err), LK_E_ARG, &err);
    CHECK(lk_disk_free(tempdir) > 0 && lk_disk_free(in_tempdir("none")) == 0, "free space");
    CHECK_STR(lk_path_base("a/b.c"), "b.c");
    CHECK_STR(lk_path_base("b.c"), "b.c");
}

static void test_hash_file(void)
{
    lk_error err = {0};
    size_t n = 600001; /* more than two blocks */
    unsigned char *data = lk_alloc(n);
    for (size_t i = 0; i < n; i++) data[i] = (unsigned char)(i * i >> 5);
    CHECK_OK(lk_file_write_atomic(in_tempdir("big"), data, n, &err), &err);
    lk_hash of_file, of_bytes = lk_hash_bytes(data, n);
    CHECK_OK(lk_hash_file(in_tempdir("big"), &of_file, &err), &err);
    CHECK(lk_hash_equal(&of_file, &of_bytes), "the hashes differ");
    lk_free(data);
    FAULT_LOOP(LK_FAULT_ALLOC, false,
               { CHECK(fault_clean(lk_hash_file(in_tempdir("big"), &of_file, &err)), "not clean"); });
    FAULT_LOOP(LK_FAULT_READ, false,
               { CHECK(fault_clean(lk_hash_file(in_tempdir("big"), &of_file, &err)), "not clean"); });
}

/* Whatever fails, the file holds the old text or the new one, and no scrap stays behind. */
static void write_with_fault(lk_fault_kind kind)
{
    lk_error err = {0};
    char folder[128];
    snprintf(folder, sizeof folder, "%s", in_tempdir("atomic"));
    CHECK_OK(lk_dir_make(folder, &err), &err);
    char path[160];
    snprintf(path, sizeof path, "%s/f", folder);
    bool failed = false;
    FAULT_LOOP(kind, false, {
        lk_fault_set(kind, 0, false);
        CHECK_OK(lk_file_write_atomic(path, "old", 3, &err), &err);
        lk_fault_set(kind, fault_n_, false);
        lk_status s = lk_file_write_atomic(path, "new", 3, &err);
        int64_t seen = lk_fault_count(kind);
        lk_fault_set(kind, 0, false);
        void *data = NULL;
        size_t n = 0;
        CHECK(fault_clean(s), "status %d", (int)s);
        CHECK_OK(lk_file_read(path, 10, &data, &n, &err), &err);
        CHECK(!strcmp(data, "new") || (s != LK_OK && !strcmp(data, "old")), "holds %s after status %d",
              (char *)data, (int)s);
        CHECK_INT(count_entries(folder), 1);
        lk_free(data);
        failed = failed || s != LK_OK;
        lk_fault_set(kind, fault_n_, false);
        for (int64_t i = 0; i < seen; i++) lk_fault_hit(kind); /* hand the count back to the loop */
    });
    CHECK(failed, "no fault of kind %d was ever reported", (int)kind);
}

/* A new file never replaces one that is there. */
static void test_new_only(void)
{
    lk_error err = {0};
    void *data = NULL;
    size_t n = 0;
    CHECK_OK(lk_file_write_atomic(in_tempdir("tmp1"), "one", 3, &err), &err);
    CHECK_OK(lk_file_write_atomic(in_tempdir("tmp2"), "two", 3, &err), &err);
    CHECK_OK(lk_file_sync_new(in_tempdir("tmp1"), in_tempdir("fresh"), &err), &err);
    CHECK_STATUS(lk_file_sync_new(in_tempdir("tmp2"), in_tempdir("fresh"), &err), LK_E_STATE, &err);
    CHECK_OK(lk_file_read(in_tempdir("fresh"), 10, &data, &n, &err), &err);
    CHECK_STR(data, "one");
    CHECK(!lk_path_exists(in_tempdir("tmp1")) && lk_path_exists(in_tempdir("tmp2")), "which name is left");
    lk_free(data);
}

static void test_atomic(void)
{
    write_with_fault(LK_FAULT_ALLOC);
    write_with_fault(LK_FAULT_WRITE);
    write_with_fault(LK_FAULT_SYNC);
}

static void test_read_faults(void)
{
    lk_error err = {0};
    CHECK_OK(lk_file_write_atomic(in_tempdir("r"), "text", 4, &err), &err);
    for (int kind = LK_FAULT_ALLOC; kind <= LK_FAULT_READ; kind++)
        FAULT_LOOP((lk_fault_kind)kind, false, {
            void *data = NULL;
            size_t n = 0;
            lk_status s = lk_file_read(in_tempdir("r"), 10, &data, &n, &err);
            CHECK(fault_clean(s) && (s == LK_OK) == (data != NULL), "status %d", (int)s);
            lk_free(data);
        });
}

static const check_test tests[] = {
    {"round trip", test_round_trip},   {"refusals", test_refusals}, {"dirs", test_dirs},
    {"hash file", test_hash_file},     {"atomic", test_atomic},     {"new only", test_new_only},
    {"read faults", test_read_faults},
};

int main(int argc, char **argv)
{
    tempdir_make("file");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
