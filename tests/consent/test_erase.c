/* test_erase.c: what goes when a person asks for it and what stays as proof; and the graph of the lineage, step by step.
 * Whatever fails on the way, nothing of theirs opens once it was begun, and doing it again finishes it. */
#include "consent/bind.h"
#include "consent/trace.h"
#include "fault.h"
#include "sqlite_fault.h"
#include "world.h"

static lk_asset asset(const char *kind, const char *path)
{
    lk_asset a = {.hash = lk_hash_bytes(path, strlen(path)), .created = START};
    snprintf(a.kind, sizeof a.kind, "%s", kind);
    snprintf(a.path, sizeof a.path, "%s", path);
    snprintf(a.note, sizeof a.note, "%s of Ann", kind);
    return a;
}

/* ann.mp4 -> ann.data \
 *                      > swap.model -> film.mp4
 * bob.mp4 -> bob.data / */
static void build(world *w)
{
    lk_grant *ann = NULL, *bob = NULL;
    lk_bind_key *k = NULL;
    CHECK_OK(lk_grant_get(w->r, "Ann", LK_USE_FACE_SOURCE, "test", &ann, &w->err), &w->err);
    CHECK_OK(lk_grant_get(w->r, "Bob", LK_USE_FACE_TARGET, "test", &bob, &w->err), &w->err);
    const lk_grant *a = ann, *b = bob, *both[] = {ann, bob};
    lk_asset am = asset("media", "ann.mp4"), bm = asset("media", "bob.mp4"), ad = asset("dataset", "ann.data"),
             bd = asset("dataset", "bob.data"), model = asset("model", "swap.model"), film = asset("output", "film.mp4");
    CHECK_OK(lk_lineage_add(w->r, &am, NULL, 0, &a, 1, &w->err), &w->err);
    CHECK_OK(lk_lineage_add(w->r, &bm, NULL, 0, &b, 1, &w->err), &w->err);
    CHECK_OK(lk_lineage_add(w->r, &ad, &am.hash, 1, &a, 1, &w->err), &w->err);
    CHECK_OK(lk_lineage_add(w->r, &bd, &bm.hash, 1, &b, 1, &w->err), &w->err);
    const lk_hash data[] = {ad.hash, bd.hash};
    CHECK_OK(lk_lineage_add(w->r, &model, data, 2, both, 2, &w->err), &w->err);
    CHECK_OK(lk_lineage_add(w->r, &film, &model.hash, 1, both, 2, &w->err), &w->err);
    CHECK_OK(lk_bind_key_new("swap model", "swap.model", both, 2, &k, &w->err), &w->err);
    lk_bind_key_free(&k);
    CHECK_OK(lk_bind_key_new("face dataset", "bob.data", &b, 1, &k, &w->err), &w->err);
    lk_bind_key_free(&k);
    lk_grant_free(&ann);
    lk_grant_free(&bob);
}

static lk_status name_of(void *user, const lk_asset *a)
{
    char *out = user;
    sprintf(out + strlen(out), "%s%s", *out ? " " : "", *a->path ? a->path : a->kind);
    return LK_OK;
}

static lk_status add_id(void *user, const char *id)
{
    char *out = user;
    sprintf(out + strlen(out), "%.8s ", id);
    return LK_OK;
}

static void test_neighbours(void)
{
    world w = world_new("near");
    char out[600] = "", ids[64];
    lk_asset model = asset("model", "swap.model"), found, nothing = asset("media", "nowhere.mp4");
    build(&w);
    CHECK_OK(lk_asset_find(w.r, &model.hash, &found, &w.err), &w.err);
    CHECK_STR(found.path, "swap.model");
    CHECK_STATUS(lk_asset_find(w.r, &nothing.hash, &found, &w.err), LK_E_NOTFOUND, &w.err);
    CHECK_OK(lk_asset_near(w.r, &model.hash, true, name_of, out, &w.err), &w.err);
    CHECK(strstr(out, "ann.data") && strstr(out, "bob.data") && strlen(out) == 17, "%s", out);
    *out = '\0';
    CHECK_OK(lk_asset_near(w.r, &model.hash, false, name_of, out, &w.err), &w.err);
    CHECK_STR(out, "film.mp4");
    *out = '\0';
    CHECK_OK(lk_asset_records(w.r, &model.hash, add_id, out, &w.err), &w.err);
    snprintf(ids, sizeof ids, "%.8s %.8s ", w.ann_record.id, w.bob_record.id);
    CHECK_STR(out, ids);
    *out = '\0';
    CHECK_OK(lk_asset_of_subject(w.r, "Ann", name_of, out, &w.err), &w.err);
    CHECK(strstr(out, "ann.mp4") && strstr(out, "ann.data") && strstr(out, "swap.model") && strstr(out, "film.mp4") &&
              !strstr(out, "bob"),
          "%s", out);
    CHECK_STATUS(lk_asset_of_subject(w.r, "Eve", name_of, out, &w.err), LK_E_NOTFOUND, &w.err);
    world_close(&w);
}

static bool in_file(const world *w, const char *name, const char *text)
{
    char path[200];
    void *data;
    size_t n;
    lk_error e;
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    if (!lk_path_exists(path) || lk_file_read(path, 1 << 26, &data, &n, &e) != LK_OK) return false;
    bool found = memmem(data, n, text, strlen(text));
    lk_free(data);
    return found;
}

static void test_what_goes_and_what_stays(void)
{
    world w = world_new("goes");
    lk_erasure e;
    lk_consent_detail *d = lk_alloc(sizeof *d);
    lk_consent_draft *with_name = lk_calloc(1, sizeof *with_name);
    lk_consent_record third;
    build(&w);
    with_name->subject = "Ann";
    with_name->terms.uses = LK_USE_LIPS;
    strcpy(with_name->terms.statement, "lips");
    strcpy(with_name->personal.legal_name, "Ann Elizabeth Other");
    CHECK_OK(lk_consent_sign(w.r, with_name, &third, &w.err), &w.err);
    CHECK_OK(lk_consent_show(w.r, third.id, d, &w.err), &w.err);
    CHECK(d->has_personal, "no personal block was kept");
    lk_hash gone[2] = {asset("dataset", "ann.data").hash, asset("model", "swap.model").hash};
    char key[200];
    snprintf(key, sizeof key, "%s/keys/subject-%s.key", w.dir, w.ann.id);

    CHECK_OK(lk_erase_begin(w.r, "Ann", false, &e, &w.err), &w.err);
    CHECK(!strcmp(e.subject, w.ann.id) && !e.resumed && !e.outputs, "another one was begun");
    CHECK_REFUSED(&w, "Ann", LK_USE_FACE_SOURCE, "revoked");
    CHECK_INT(ask_number(&w, "SELECT count(*) FROM bound WHERE wrapped IS NOT NULL"), 1); /* Bob's dataset */
    CHECK_OK(lk_erase_begin(w.r, "Ann", true, &e, &w.err), &w.err);
    CHECK(e.resumed && e.outputs, "it was not found again");
    CHECK_INT(ask_number(&w, "SELECT count(*) FROM audit WHERE kind = 'erase'"), 1);
    CHECK_OK(lk_erase_finish(w.r, &e, gone, 2, 5, &w.err), &w.err);

    /* Gone: name, personal block, key, paths. */
    CHECK_STATUS(lk_subject_find(w.r, "Ann", &w.ann, &w.err), LK_E_NOTFOUND, &w.err);
    CHECK_OK(lk_subject_find(w.r, e.subject, &w.ann, &w.err), &w.err);
    CHECK(!strncmp(w.ann.name, "erased ", 7), "still called %s", w.ann.name);
    CHECK(!lk_path_exists(key), "the key that signed in Ann's place is left");
    CHECK_OK(lk_consent_show(w.r, third.id, d, &w.err), &w.err);
    CHECK(!d->has_personal, "the personal block is left");
    CHECK_INT(ask_number(&w, "SELECT count(*) FROM asset WHERE path = '' AND note = 'erased'"), 2);
    CHECK(!in_file(&w, "registry.db", "swap.model") && !in_file(&w, "registry.db-wal", "swap.model"), "a path is left");
    CHECK(!in_file(&w, "registry.db", "model of Ann") && !in_file(&w, "registry.db-wal", "model of Ann"), "a note is left");
    /* Stays: the log, the records, hashes; and Bob, whole. */
    CHECK_OK(lk_audit_verify(w.r, NULL, &w.err), &w.err);
    CHECK_STR(d->state, "revoked");
    CHECK_INT(ask_number(&w, "SELECT count(*) FROM asset"), 6);
    CHECK_INT(try_grant(&w, "Bob", LK_USE_FACE_TARGET), LK_OK);
    CHECK_INT(ask_number(&w, "SELECT count(*) FROM audit WHERE kind = 'erased'"), 1);
    CHECK_STATUS(lk_erase_begin(w.r, w.ann.id, false, &e, &w.err), LK_E_STATE, &w.err);
    /* The name is free; who comes back begins anew. */
    CHECK_OK(lk_subject_add(w.r, "Ann", false, NULL, &w.err), &w.err);
    CHECK_REFUSED(&w, "Ann", LK_USE_FACE_SOURCE, "nothing yet");
    lk_free(d);
    lk_free(with_name);
    world_close(&w);
}

static void test_faults(void)
{
    for (int kind = 0; kind <= LK_FAULT_SYNC; kind++) {
        int64_t n = 0, seen;
        int refused = 0;
        do {
            world w = world_new("faults");
            lk_erasure e, f;
            build(&w);
            n += n ? fault_step(kind == LK_FAULT_ALLOC ? 17 : 1) : 1;
            lk_hash gone = asset("model", "swap.model").hash;
            lk_fault_set((lk_fault_kind)kind, n, false);
            lk_status s = lk_erase_begin(w.r, "Ann", false, &e, &w.err);
            if (s == LK_OK) s = lk_erase_finish(w.r, &e, &gone, 1, 1, &w.err);
            seen = lk_fault_count((lk_fault_kind)kind);
            lk_fault_set((lk_fault_kind)kind, 0, false);
            refused += s != LK_OK;
            CHECK(fault_clean(s), "kind %d, n %d: status %d: %s", kind, (int)n, (int)s, w.err.message);
            /* The journal and the end of consent are one thing. */
            int64_t begun = ask_number(&w, "SELECT count(*) FROM erasure");
            CHECK_INT(ask_number(&w, "SELECT count(*) FROM bound WHERE wrapped IS NOT NULL"), 2 - begun);
            CHECK_INT(ask_number(&w, "SELECT count(*) FROM revocation"), begun);
            if (s != LK_OK) {
                CHECK_OK(lk_erase_begin(w.r, w.ann.id, false, &f, &w.err), &w.err);
                CHECK(f.resumed == (begun == 1), "kind %d, n %d: begun %d", kind, (int)n, (int)begun);
                CHECK_OK(lk_erase_finish(w.r, &f, &gone, 1, 1, &w.err), &w.err);
            }
            CHECK_INT(ask_number(&w, "SELECT count(*) FROM erasure WHERE done > 0"), 1);
            CHECK_OK(lk_audit_verify(w.r, NULL, &w.err), &w.err);
            world_close(&w);
        } while (seen >= n && n < FAULT_LIMIT);
        CHECK(refused > 0 || kind == LK_FAULT_READ, "no fault of kind %d came through", kind);
    }
}

static const check_test tests[] = {
    {"neighbours", test_neighbours}, {"what goes and what stays", test_what_goes_and_what_stays}, {"faults", test_faults}};

int main(int argc, char **argv)
{
    if (!sqlite_fault_install()) return 1;
    tempdir_make("cerase");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
