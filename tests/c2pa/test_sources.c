/* test_sources.c: what the sources of a file carried is kept: byte by byte, once, with what is wrong about it; and it cannot
 * be signed away.
 */
#include "small.h"

/* Manifest boxes of a file's store. */
static int manifests(const char *path, lk_arena *arena, void **store, const jumbf_box **first)
{
    c2pa_layout l;
    size_t n;
    jumbf_box *box = NULL;
    lk_error err = {0};
    CHECK_OK(c2pa_asset_probe(path, &l, &err), &err);
    CHECK_OK(c2pa_asset_read(path, &l, store, &n, &err), &err);
    CHECK_OK(jumbf_parse(*store, n, arena, &box, &err), &err);
    *first = box->child;
    return box->children;
}

/* Across formats and ten generations, every manifest stays as it was, byte by byte, in its order. */
static void test_generations(void)
{
    lk_arena *arena;
    lk_error err = {0};
    CHECK_OK(lk_arena_new(&arena, 1 << 16), &err);
    const char *last = small(C2PA_PNG);
    void *before = NULL;
    const jumbf_box *old = NULL;
    for (int i = 1; i <= 10; i++) {
        c2pa_ingredient parent;
        c2pa_action open;
        const char *out = where(i % 2 ? "odd" : "even");
        c2pa_spec spec = opened_spec(last, &parent, &open);
        CHECK_OK(c2pa_sign_file(small((c2pa_format)(i % C2PA_FORMATS)), out, &spec, i % 3 ? &ann.signer : &eve.signer, NULL, &err), &err);
        c2pa_report r = judged(out, i % 3 ? &ann : &eve);
        CHECK(r.state == C2PA_TRUSTED && r.manifest_count == i, "generation %d: %s", i, verdict_text(&r));
        if (i > 1) CHECK(r.active->ingredients[0].manifest == &r.manifests[i - 2], "the parent is the one before");
        c2pa_report_clear(&r);
        void *store = NULL;
        const jumbf_box *first = NULL, *a = old;
        CHECK_INT(manifests(out, arena, &store, &first), i);
        for (const jumbf_box *b = first; b && a; a = a->next, b = b->next)
            CHECK(a->size == b->size && !memcmp(a->start, b->start, a->size), "generation %d: a manifest changed", i);
        CHECK(!a, "a manifest was lost");
        lk_free(before);
        before = store;
        old = first;
        last = out;
    }
    lk_free(before);
    lk_arena_free(arena);
}

/* Two sources that share a history: it is kept once. */
static void test_shared(void)
{
    const char *in = small(C2PA_PNG), *root = where("root"), *a = where("a"), *b = where("b"), *out = where("out");
    c2pa_ingredient parent, both[3];
    c2pa_action open, actions[2];
    lk_error err = {0};
    CHECK_OK(c2pa_sign_file(in, root, &made_spec, &ann.signer, NULL, &err), &err);
    c2pa_spec spec = opened_spec(root, &parent, &open);
    CHECK_OK(c2pa_sign_file(in, a, &spec, &ann.signer, NULL, &err), &err);
    CHECK_OK(c2pa_sign_file(in, b, &spec, &ann.signer, NULL, &err), &err);
    both[0] = (c2pa_ingredient){.relation = C2PA_PARENT_OF, .path = a};
    both[1] = (c2pa_ingredient){.relation = C2PA_COMPONENT_OF, .path = b};
    both[2] = (c2pa_ingredient){.relation = C2PA_COMPONENT_OF, .path = b};
    actions[0] = (c2pa_action){.action = "c2pa.opened", .ingredients = {0}, .ingredient_count = 1};
    actions[1] = (c2pa_action){.action = "c2pa.placed", .ingredients = {1, 2}, .ingredient_count = 2};
    spec = (c2pa_spec){.actions = actions, .action_count = 2, .ingredients = both, .ingredient_count = 3, .log_index = -1};
    CHECK_OK(c2pa_sign_file(in, out, &spec, &ann.signer, NULL, &err), &err);
    c2pa_report r = judged(out, &ann);
    CHECK(r.state == C2PA_TRUSTED && r.manifest_count == 4, "%d: %s", r.manifest_count, verdict_text(&r));
    CHECK(r.active->ingredients[1].manifest && r.active->ingredients[1].manifest == r.active->ingredients[2].manifest, "one for both");
    c2pa_report_clear(&r);
}

static void change(const char *path, const char *out, size_t at, uint8_t bits)
{
    size_t n;
    uint8_t *b = load(path, &n);
    if (at < n) b[at] ^= bits;
    FILE *f = fopen(out, "wb");
    if (!f || fwrite(b, 1, n, f) != n || fclose(f)) abort();
    lk_free(b);
}

/* A source whose manifest fails is taken in with its failures stated; the new file itself stands. */
static void test_broken_sources(void)
{
    const char *in = small(C2PA_PNG), *good = where("good"), *bad = where("bad"), *out = where("out");
    lk_error err = {0};
    CHECK_OK(c2pa_sign_file(in, good, &made_spec, &ann.signer, NULL, &err), &err);
    c2pa_report r = judged(good, &ann);
    c2pa_layout l = r.layout;
    c2pa_report_clear(&r);
    size_t n;
    uint8_t *b = load(good, &n);
    size_t end = (size_t)(l.hole.start + l.hole.length), claim = 0;
    for (size_t i = 0; i + 12 < n; i++)
        if (!memcmp(b + i, "instanceID", 10)) claim = i;
    lk_free(b);
    /* after the store: the picture; in the signature; in the claim (still CBOR); a box length (no store any more) */
    const struct { size_t at; uint8_t bits; const char *code; bool kept; } rows[] = {
        {end + 14, 1, "assertion.dataHash.mismatch", true},
        {end - 5, 1, "claimSignature.mismatch", true},
        {claim + 24, 1, "claimSignature.mismatch", true},
        {l.hole.start + 8 + 3, 1, NULL, false},
    };
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        c2pa_ingredient parent;
        c2pa_action open;
        change(good, bad, rows[i].at, rows[i].bits);
        if (i) { /* mend the PNG's checksum: that is not what is tested */
            b = load(bad, &n);
            put_be32(b + end - 4, lk_crc32(0, b + l.hole.start + 4, (size_t)l.hole.length - 8));
            FILE *f = fopen(bad, "wb");
            if (!f || fwrite(b, 1, n, f) != n || fclose(f)) abort();
            lk_free(b);
        }
        r = judged(bad, &ann);
        CHECK(r.state == C2PA_INVALID && (!rows[i].code || has_code(&r, rows[i].code)), "row %zu: %s", i, verdict_text(&r));
        c2pa_report_clear(&r);
        c2pa_spec spec = opened_spec(bad, &parent, &open);
        CHECK_OK(c2pa_sign_file(in, out, &spec, &ann.signer, NULL, &err), &err);
        r = judged(out, &ann);
        CHECK(r.state == C2PA_TRUSTED && r.manifest_count == (rows[i].kept ? 2 : 1), "row %zu: %s", i, verdict_text(&r));
        c2pa_report_clear(&r);
        b = load(out, &n); /* the failure stands in the assertion, in clear */
        if (rows[i].code) CHECK(memmem(b, n, rows[i].code, strlen(rows[i].code)), "row %zu: %s is not recorded", i, rows[i].code);
        else CHECK(memmem(b, n, "validationResults", 17), "row %zu: nothing is recorded", i);
        lk_free(b);
    }
}

/* A manifest that the source carries is not stripped by signing over it. */
static void test_inherited(void)
{
    const char *in = where("carries"), *copy = where("copy"), *out = where("fresh"), *damaged = where("damaged");
    lk_error err = {0};
    c2pa_ingredient parent;
    c2pa_action open;
    for (int f = 0; f < C2PA_FORMATS; f++) {
        unlink(out);
        CHECK_OK(c2pa_sign_file(small((c2pa_format)f), in, &made_spec, &ann.signer, NULL, &err), &err);
        CHECK_STATUS(c2pa_sign_file(in, out, &made_spec, &ann.signer, NULL, &err), LK_E_ARG, &err);
        CHECK(strstr(err.message, "ingredient") && !lk_path_exists(out), "%s", err.message);
        c2pa_spec spec = opened_spec(small((c2pa_format)f), &parent, &open);
        CHECK_STATUS(c2pa_sign_file(in, out, &spec, &ann.signer, NULL, &err), LK_E_ARG, &err);
        change(in, copy, SIZE_MAX, 0);
        spec = opened_spec(copy, &parent, &open); /* the same file elsewhere */
        CHECK_OK(c2pa_sign_file(in, out, &spec, &ann.signer, NULL, &err), &err);
        CHECK_INT(state_of_file(out, &ann), C2PA_TRUSTED);
        spec = opened_spec(in, &parent, &open);
        CHECK_OK(c2pa_sign_file(in, out, &spec, &ann.signer, NULL, &err), &err);
        CHECK_INT(state_of_file(out, &ann), C2PA_TRUSTED);
        c2pa_report r = judged(in, &ann);
        change(in, damaged, (size_t)(r.layout.hole.start + r.layout.hole.length - 40), 255); /* its signature */
        c2pa_report_clear(&r);
        CHECK_STATUS(c2pa_sign_file(damaged, where("never"), &made_spec, &ann.signer, NULL, &err), f == C2PA_PNG ? LK_E_FORMAT : LK_E_ARG, &err);
        CHECK(!lk_path_exists(where("never")), "nothing is left");
    }
}

/* Two different manifests of one label cannot both be kept. */
static void test_label_clash(void)
{
    const char *in = small(C2PA_PNG), *a = where("a"), *b = where("b"), *out = where("out");
    char label[64];
    lk_error err = {0};
    CHECK_OK(c2pa_label_new(label, &err), &err);
    CHECK_OK(c2pa_sign_file_as(label, in, a, &made_spec, &ann.signer, &err), &err);
    CHECK_OK(c2pa_sign_file_as(label, in, b, &made_spec, &eve.signer, &err), &err);
    c2pa_ingredient both[2] = {{.relation = C2PA_COMPONENT_OF, .path = a}, {.relation = C2PA_COMPONENT_OF, .path = b}};
    c2pa_spec spec = made_spec;
    spec.ingredients = both;
    spec.ingredient_count = 2;
    CHECK_OK(c2pa_sign_file(in, out, &spec, &ann.signer, NULL, &err), &err);
    c2pa_report r = judged(out, &ann);
    CHECK(r.state == C2PA_TRUSTED && r.manifest_count == 2, "%s", verdict_text(&r));
    CHECK(r.active && r.active->ingredients[0].manifest && !r.active->ingredients[1].manifest, "the first is kept");
    c2pa_report_clear(&r);
    CHECK_STATUS(c2pa_sign_file_as(label, in, out, &spec, &ann.signer, &err), LK_E_ARG, &err);
}

int main(int argc, char **argv)
{
    static const check_test tests[] = {{"generations", test_generations}, {"shared", test_shared}, {"broken_sources", test_broken_sources},
                                       {"inherited", test_inherited}, {"label_clash", test_label_clash}};
    return small_main(argc, argv, "c2pa-sources", tests, LK_COUNT(tests));
}
