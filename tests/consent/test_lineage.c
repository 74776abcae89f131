/* test_lineage.c: what was made from what, asked from both ends. */
#include "world.h"

static lk_asset asset(const char *kind, const char *path)
{
    lk_asset a = {.hash = lk_hash_bytes(path, strlen(path)), .created = START};
    snprintf(a.kind, sizeof a.kind, "%s", kind);
    snprintf(a.path, sizeof a.path, "%s", path);
    return a;
}

static lk_status collect(void *user, const lk_asset *a, int depth)
{
    char *out = user;
    sprintf(out + strlen(out), "%s%s@%d", *out ? " " : "", *a->path ? a->path : a->kind, depth);
    return LK_OK;
}

static lk_status collect_flat(void *user, const lk_asset *a) { return collect(user, a, 0); }

static lk_status stop_at_once(void *user, const lk_asset *a, int depth)
{
    ++*(int *)user;
    return LK_E_CANCELLED;
}

/* ann.mp4 -> ann.data \                /-> film.mp4 (with clip.mp4 from somewhere)
 *                      >-> swap.model <
 * bob.mp4 -> bob.data /                \-> other.mp4 */
static void build(world *w, lk_grant **ann, lk_grant **bob)
{
    CHECK_OK(lk_grant_get(w->r, "Ann", LK_USE_FACE_SOURCE, "test", ann, &w->err), &w->err);
    CHECK_OK(lk_grant_get(w->r, "Bob", LK_USE_FACE_TARGET, "test", bob, &w->err), &w->err);
    const lk_grant *a = *ann, *b = *bob, *both[] = {*ann, *bob};
    lk_asset am = asset("media", "ann.mp4"), bm = asset("media", "bob.mp4"),
             ad = asset("dataset", "ann.data"), bd = asset("dataset", "bob.data"),
             model = asset("model", "swap.model"), film = asset("output", "film.mp4"),
             other = asset("output", "other.mp4"), clip = asset("media", "clip.mp4");
    CHECK_OK(lk_lineage_add(w->r, &am, NULL, 0, &a, 1, &w->err), &w->err);
    CHECK_OK(lk_lineage_add(w->r, &bm, NULL, 0, NULL, 0, &w->err), &w->err);
    CHECK_OK(lk_lineage_add(w->r, &ad, &am.hash, 1, &a, 1, &w->err), &w->err);
    CHECK_OK(lk_lineage_add(w->r, &bd, &bm.hash, 1, &b, 1, &w->err), &w->err);
    const lk_hash data[] = {ad.hash, bd.hash}, film_from[] = {model.hash, clip.hash};
    CHECK_OK(lk_lineage_add(w->r, &model, data, 2, both, 2, &w->err), &w->err);
    CHECK_OK(lk_lineage_add(w->r, &film, film_from, 2, both, 2, &w->err), &w->err);
    CHECK_OK(lk_lineage_add(w->r, &other, &model.hash, 1, both, 2, &w->err), &w->err);
    CHECK_OK(lk_lineage_add(w->r, &other, &model.hash, 1, both, 2, &w->err), &w->err); /* twice is once */
}

static void test_both_ways(void)
{
    world w = world_new("both");
    lk_grant *ann = NULL, *bob = NULL;
    build(&w, &ann, &bob);
    char out[512] = "";
    lk_asset film = asset("output", "film.mp4"), am = asset("media", "ann.mp4"),
             bd = asset("dataset", "bob.data");
    CHECK_OK(lk_lineage_walk(w.r, &film.hash, true, collect, out, &w.err), &w.err);
    CHECK(strstr(out, "swap.model@1") && strstr(out, "unknown@1") && strstr(out, "ann.data@2") &&
              strstr(out, "bob.data@2") && strstr(out, "ann.mp4@3") && strstr(out, "bob.mp4@3") &&
              !strstr(out, "other"),
          "%s", out);
    *out = '\0';
    CHECK_OK(lk_lineage_walk(w.r, &am.hash, false, collect, out, &w.err), &w.err);
    CHECK(strstr(out, "ann.data@1") && strstr(out, "swap.model@2") && strstr(out, "film.mp4@3") &&
              strstr(out, "other.mp4@3") && !strstr(out, "bob"),
          "%s", out);
    *out = '\0';
    lk_asset clip = asset("media", "clip.mp4"); /* no asset, but something was made from it */
    CHECK_OK(lk_lineage_walk(w.r, &clip.hash, false, collect, out, &w.err), &w.err);
    CHECK_STR(out, "film.mp4@1");
    *out = '\0';
    CHECK_OK(lk_lineage_walk(w.r, &film.hash, false, collect, out, &w.err), &w.err);
    CHECK_STR(out, "");
    lk_hash nothing = lk_hash_bytes("?", 1);
    CHECK_STATUS(lk_lineage_walk(w.r, &nothing, true, collect, out, &w.err), LK_E_NOTFOUND, &w.err);
    int calls = 0;
    CHECK_STATUS(lk_lineage_walk(w.r, &bd.hash, false, stop_at_once, &calls, &w.err), LK_E_CANCELLED, &w.err);
    CHECK_INT(calls, 1);

    CHECK_OK(lk_lineage_of_record(w.r, w.bob_record.id, collect_flat, out, &w.err), &w.err);
    CHECK(strstr(out, "bob.data") && strstr(out, "swap.model") && strstr(out, "film.mp4") &&
              strstr(out, "other.mp4") && !strstr(out, "ann.") && !strstr(out, "bob.mp4"),
          "%s", out);
    CHECK_STATUS(lk_lineage_of_record(w.r, "nothing", collect_flat, out, &w.err), LK_E_NOTFOUND, &w.err);
    CHECK_OK(lk_audit_verify(w.r, NULL, &w.err), &w.err);
    lk_grant_free(&ann);
    lk_grant_free(&bob);
    world_close(&w);
}

static void test_refusals(void)
{
    world w = world_new("refused"), far = world_new("far");
    lk_grant *ann = NULL, *bob = NULL, *foreign = NULL;
    build(&w, &ann, &bob);
    CHECK_OK(lk_grant_get(far.r, "Ann", LK_USE_FACE_SOURCE, "test", &foreign, &far.err), &far.err);
    const lk_grant *a = ann, *none = NULL, *f = foreign;
    int64_t rows = ask_number(&w, "SELECT count(*) FROM asset");
    lk_asset x = asset("dataset", "x"), m = asset("model", "swap.model"), am = asset("media", "ann.mp4"),
             odd = asset("thing", "x"), renamed = asset("output", "swap.model");
    lk_asset film = asset("output", "film.mp4");
    CHECK_STATUS(lk_lineage_add(w.r, &x, NULL, 0, NULL, 0, &w.err), LK_E_CONSENT, &w.err);
    CHECK_STATUS(lk_lineage_add(w.r, &x, NULL, 0, &none, 1, &w.err), LK_E_CONSENT, &w.err);
    CHECK_STATUS(lk_lineage_add(w.r, &x, NULL, 0, &f, 1, &w.err), LK_E_CONSENT, &w.err);
    CHECK_STATUS(lk_lineage_add(w.r, &odd, NULL, 0, &a, 1, &w.err), LK_E_ARG, &w.err);
    CHECK_STATUS(lk_lineage_add(w.r, &x, &x.hash, 1, &a, 1, &w.err), LK_E_ARG, &w.err);
    CHECK_STATUS(lk_lineage_add(w.r, &renamed, NULL, 0, &a, 1, &w.err), LK_E_ARG, &w.err);
    CHECK_STATUS(lk_lineage_add(w.r, &am, &film.hash, 1, &a, 1, &w.err), LK_E_ARG, &w.err); /* a circle */
    CHECK_OK(lk_consent_revoke(w.r, w.ann_record.id, "no more", &w.err), &w.err);
    CHECK_STATUS(lk_lineage_add(w.r, &x, &m.hash, 1, &a, 1, &w.err), LK_E_CONSENT, &w.err);
    CHECK_INT(ask_number(&w, "SELECT count(*) FROM asset"), rows);
    CHECK_INT(
        ask_number(
            &w, "SELECT count(*) FROM parent WHERE child = (SELECT hash FROM asset WHERE path = 'ann.mp4')"),
        0);
    lk_grant_free(&ann);
    lk_grant_free(&bob);
    lk_grant_free(&foreign);
    tempdir_clear(far.dir);
    lk_registry_close(&far.r);
    world_close(&w);
}

/* A circle that only an intruder can make must not catch us. */
static void test_circle(void)
{
    world w = world_new("circle");
    lk_grant *ann = NULL, *bob = NULL;
    build(&w, &ann, &bob);
    intrude(&w, "INSERT INTO parent SELECT (SELECT hash FROM asset WHERE path = 'ann.mp4'), (SELECT hash "
                "FROM asset WHERE "
                "path = 'film.mp4')");
    char out[2048] = "";
    lk_asset film = asset("output", "film.mp4");
    CHECK_OK(lk_lineage_walk(w.r, &film.hash, true, collect, out, &w.err), &w.err);
    CHECK(strlen(out) < 300 && strstr(out, "bob.mp4"), "%s", out);
    *out = '\0';
    CHECK_OK(lk_lineage_of_record(w.r, w.ann_record.id, collect_flat, out, &w.err), &w.err);
    CHECK(strstr(out, "film.mp4"), "%s", out);
    lk_grant_free(&ann);
    lk_grant_free(&bob);
    world_close(&w);
}

static const check_test tests[] = {{"both ways", test_both_ways},
                                   {"refusals", test_refusals},
                                   {"circle", test_circle}};

int main(int argc, char **argv)
{
    tempdir_make("lineage");
    return tempdir_remove(check_main(argc, argv, tests, (int)LK_COUNT(tests)));
}
