/* test_bind_fault.c: whatever fails while a bound file is saved, loaded or its consent revoked, no file that can be opened
 * stands on a record that was revoked, and no key without its row in the log. */
#include "bound_world.h"

/* Saving: afterwards there is a whole file that opens, or none; and never a key in the registry without its row in the log. */
static void test_faults_saving(void)
{
    for (int kind = 0; kind <= LK_FAULT_SYNC; kind++) {
        bound_world b = open_world("fsave");
        int refused = 0;
        int64_t n = 0, seen;
        do {
            n += n ? fault_step(kind == LK_FAULT_ALLOC ? 5 : 1) : 1;
            unlink(b.path);
            int before = count_entries(b.w.dir);
            lk_fault_set((lk_fault_kind)kind, n, false);
            lk_status s = save(&b, b.path);
            seen = lk_fault_count((lk_fault_kind)kind);
            lk_fault_set((lk_fault_kind)kind, 0, false);
            refused += s != LK_OK;
            CHECK(fault_clean(s), "kind %d, n %d: status %d: %s", kind, (int)n, (int)s, b.w.err.message);
            CHECK((s == LK_OK) == lk_path_exists(b.path), "kind %d, n %d: status %d", kind, (int)n, (int)s);
            CHECK(count_entries(b.w.dir) == before + (s == LK_OK), "kind %d, n %d: something was left", kind, (int)n);
            if (s == LK_OK) CHECK_OK(load(b.path, b.both, 2, NULL, &b.w.err), &b.w.err);
            CHECK_INT(ask_number(&b.w, "SELECT count(*) FROM bound"),
                      ask_number(&b.w, "SELECT count(*) FROM audit WHERE kind = 'bind'"));
        } while (seen >= n && n < FAULT_LIMIT);
        CHECK(refused > 0 || kind == LK_FAULT_READ, "no fault of kind %d came through", kind);
        printf("# kind %d: %d failed savings\n", kind, refused);
        CHECK_OK(lk_audit_verify(b.w.r, NULL, &b.w.err), &b.w.err);
        close_world(&b);
    }
}

static void test_faults_loading(void)
{
    for (int kind = 0; kind <= LK_FAULT_SYNC; kind++) {
        bound_world b = open_world("fload");
        CHECK_OK(save(&b, b.path), &b.w.err);
        int64_t n = 0, seen;
        do {
            lk_fault_set((lk_fault_kind)kind, ++n, false);
            lk_status s = load(b.path, b.both, 2, NULL, &b.w.err);
            seen = lk_fault_count((lk_fault_kind)kind);
            lk_fault_set((lk_fault_kind)kind, 0, false);
            CHECK(fault_clean(s), "kind %d, n %d: status %d: %s", kind, (int)n, (int)s, b.w.err.message);
        } while (seen >= n && n < FAULT_LIMIT);
        CHECK_OK(load(b.path, b.both, 2, NULL, &b.w.err), &b.w.err);
        close_world(&b);
    }
}

/* Revoking: at whatever moment it fails, a record that counts as revoked has no key left, and one that does not still
 * opens its file; done again, it is done. */
static void test_faults_revoking(void)
{
    for (int kind = 0; kind <= LK_FAULT_SYNC; kind++) {
        int64_t n = 0, seen;
        int refused = 0;
        do {
            bound_world b = open_world("frevoke");
            uint8_t key[LK_BIND_TICKET];
            CHECK_OK(save(&b, b.path), &b.w.err);
            wrapped_key(&b.w, key);
            n += n ? fault_step(kind == LK_FAULT_ALLOC ? 9 : 1) : 1;
            lk_fault_set((lk_fault_kind)kind, n, false);
            lk_status s = lk_consent_revoke(b.w.r, b.w.ann_record.id, "no more", &b.w.err);
            seen = lk_fault_count((lk_fault_kind)kind);
            lk_fault_set((lk_fault_kind)kind, 0, false);
            refused += s != LK_OK;
            int64_t revoked = ask_number(&b.w, "SELECT count(*) FROM audit WHERE kind = 'revoke'");
            int64_t left = ask_number(&b.w, "SELECT count(*) FROM bound WHERE wrapped IS NOT NULL");
            CHECK(revoked + left == 1 && (s != LK_OK || revoked == 1), "kind %d, n %d: status %d, %d revoked, %d keys",
                  kind, (int)n, (int)s, (int)revoked, (int)left);
            CHECK_STATUS(load(b.path, b.both, 2, NULL, &b.w.err), revoked ? LK_E_CONSENT : LK_OK, &b.w.err);
            CHECK_OK(lk_consent_revoke(b.w.r, b.w.ann_record.id, "no more", &b.w.err), &b.w.err);
            CHECK_STATUS(load(b.path, b.both, 2, NULL, &b.w.err), LK_E_CONSENT, &b.w.err);
            CHECK_OK(lk_audit_verify(b.w.r, NULL, &b.w.err), &b.w.err);
            lk_grant_free(&b.ann);
            lk_grant_free(&b.bob);
            lk_registry_close(&b.w.r); /* the last to close clears the journal at the latest */
            CHECK(!in_database(&b.w, key, 24), "kind %d, n %d: the key's bytes are left", kind, (int)n);
            close_world(&b);
        } while (seen >= n && n < FAULT_LIMIT);
        CHECK(refused > 0 || kind == LK_FAULT_READ, "no fault of kind %d came through", kind);
        printf("# kind %d: %d failed revocations\n", kind, refused);
    }
}

static const check_test tests[] = {{"faults saving", test_faults_saving},
                                   {"faults loading", test_faults_loading},
                                   {"faults revoking", test_faults_revoking}};

int main(int argc, char **argv)
{
    if (!sqlite_fault_install()) return 1;
    tempdir_make("cbindf");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
