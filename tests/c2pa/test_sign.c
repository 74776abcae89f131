/* test_sign.c: what is signed passes our judge, says what it was asked to say, and leaves nothing behind when it cannot
 * be finished.
 */
#include <fcntl.h>

#include "fault.h"
#include "small.h"
#include "stamp.h"

/* --- round trips -------------------------------------------------------------------------- */

static void test_formats(void)
{
    lk_error err = {0};
    for (int f = 0; f < C2PA_FORMATS; f++) {
        for (int k = 0; k < 2; k++) {
            const person *p = k ? &eve : &ann;
            const char *in = small((c2pa_format)f), *out = where("signed");
            char label[64] = "";
            CHECK_OK(c2pa_sign_file(in, out, &made_spec, &p->signer, label, &err), &err);
            c2pa_report r = judged(out, p);
            CHECK(r.state == C2PA_TRUSTED, "%s: %s", names[f], verdict_text(&r));
            CHECK(r.active && !strcmp(r.active->label, label), "%s", names[f]);
            CHECK_STR(r.active->alg, k ? "ed25519" : "es256");
            CHECK_STR(r.active->generator, "Likeness");
            CHECK_INT(r.active->claim_version, 2);
            CHECK_INT(r.layout.stores, 1);
            c2pa_report_clear(&r);
            r = judged(out, NULL);
            CHECK(r.state == C2PA_VALID && has_code(&r, "signingCredential.untrusted"), "%s", verdict_text(&r));
            c2pa_report_clear(&r);
            r = judged(out, k ? &ann : &eve);
            CHECK(r.state == C2PA_VALID, "another root: %s", verdict_text(&r));
            c2pa_report_clear(&r);
            CHECK_INT(state_of_file(in, p), C2PA_NONE);
        }
    }
}

/* The store grows by a byte at a time past every place where a length takes another byte, and a JPEG another segment. */
static void test_lengths(void)
{
    static const struct { size_t from, to; } spans[] = {{0, 40}, {240, 270}, {62800, 62830}, {65525, 65545}, {126600, 126630}};
    char *title = malloc(200000);
    lk_error err = {0};
    for (size_t s = 0; s < LK_COUNT(spans); s++) {
        for (size_t n = spans[s].from; n < spans[s].to; n++) {
            memset(title, 'x', n);
            title[n] = '\0';
            c2pa_spec spec = made_spec;
            spec.title = title;
            c2pa_format f = (c2pa_format)(n % C2PA_FORMATS);
            const char *in = small(f), *out = where("signed");
            CHECK_OK(c2pa_sign_file(in, out, &spec, &ann.signer, NULL, &err), &err);
            c2pa_report r = judged(out, &ann);
            CHECK(r.state == C2PA_TRUSTED, "%s with a title of %zu: %s", names[f], n, verdict_text(&r));
            CHECK(r.active && !strcmp(r.active->title, title), "the title of %zu bytes changed", n);
            c2pa_report_clear(&r);
        }
    }
    free(title);
}

/* Exactly 64000 bytes of store, the most that one JPEG segment of ours holds, and around it; WAV odd and even. */
static void test_store_sizes(void)
{
    lk_error err = {0};
    char *title = malloc(200000);
    c2pa_spec spec = made_spec;
    spec.title = title;
    for (int f = 0; f < C2PA_FORMATS; f++) {
        const char *in = small((c2pa_format)f), *out = where("signed");
        memset(title, 'x', 60000);
        title[60000] = '\0';
        CHECK_OK(c2pa_sign_file(in, out, &spec, &ann.signer, NULL, &err), &err);
        c2pa_report r = judged(out, &ann);
        int64_t base = (int64_t)r.layout.store_size - 60000;
        c2pa_report_clear(&r);
        for (int64_t want = 63997; want <= 64003; want++) {
            size_t n = (size_t)(want - base);
            memset(title, 'x', n);
            title[n] = '\0';
            CHECK_OK(c2pa_sign_file(in, out, &spec, &ann.signer, NULL, &err), &err);
            r = judged(out, &ann);
            int64_t off = (int64_t)r.layout.store_size - want; /* certificates differ by a byte or two in size, WAVs are made even */
            CHECK(r.state == C2PA_TRUSTED && off >= -1 && off <= 1, "%s: %s, %lld off", names[f], verdict_text(&r), (long long)off);
            if (f == C2PA_WAV) CHECK_INT(r.layout.store_size % 2, 0);
            c2pa_report_clear(&r);
        }
    }
    free(title);
}

/* --- what is said ------------------------------------------------------------------------- */

static void test_contents(void)
{
    static const uint8_t mark[] = {1, 2, 3, 250};
    lk_hash consent[2] = {lk_hash_bytes("a", 1), lk_hash_bytes("b", 1)};
    const char *in = small(C2PA_PNG), *out = where("signed");
    c2pa_ingredient ingredients[] = {{.relation = C2PA_PARENT_OF, .title = "footage", .format = "video/mp4", .instance_id = "xmp:iid:one", .path = in},
                                     {.relation = C2PA_INPUT_TO, .title = "model", .model = true, .description = "of one person"}};
    c2pa_action actions[] = {{.action = "c2pa.opened", .ingredients = {0}, .ingredient_count = 1},
                             {.action = "c2pa.edited", .source_type = IPTC "compositeWithTrainedAlgorithmicMedia", .description = "a face",
                              .when = 1700000000, .ingredients = {1}, .ingredient_count = 1},
                             {.action = "c2pa.watermarked"}};
    c2pa_spec spec = {.title = "M\xfcller.png", .actions = actions, .action_count = 3, .ingredients = ingredients, .ingredient_count = 2,
                      .watermark = mark, .watermark_n = sizeof mark, .watermark_alg = "org.likeness.video.1", .consent = consent,
                      .consent_count = 2, .log_index = 12, .no_training = true};
    c2pa_signer demo = ann.signer;
    demo.demo = true;
    lk_error err = {0};
    CHECK_OK(c2pa_sign_file(in, out, &spec, &demo, NULL, &err), &err);
    c2pa_report r = judged(out, &ann);
    const c2pa_manifest *m = r.active;
    CHECK(r.state == C2PA_TRUSTED && m, "%s", verdict_text(&r));
    if (!m) return;
    CHECK_STR(m->generator, "Likeness (demo key)");
    CHECK_STR(m->title, "M\xef\xbf\xbdller.png");
    CHECK_STR(m->signer.common_name, "Test signer");
    CHECK_INT(m->action_count, 3);
    CHECK_STR(m->actions[1].action, "c2pa.edited");
    CHECK_STR(m->actions[1].source_type, IPTC "compositeWithTrainedAlgorithmicMedia");
    CHECK_STR(m->actions[1].description, "a face");
    CHECK_STR(m->actions[1].when, "2023-11-14T22:13:20Z");
    CHECK_STR(m->actions[1].agent, "Likeness");
    CHECK(!m->actions[2].source_type, "a mark has no source type");
    CHECK_INT(m->ingredient_count, 2);
    CHECK_STR(m->ingredients[0].instance_id, "xmp:iid:one");
    CHECK_STR(m->ingredients[0].format, "video/mp4");
    CHECK_STR(m->ingredients[1].relation, "inputTo");
    CHECK_STR(m->ingredients[1].description, "of one person");
    CHECK(!m->ingredients[0].manifest, "an unmarked source");
    CHECK_STR(m->watermark_alg, "org.likeness.video.1");
    CHECK(m->watermark_n == sizeof mark && !memcmp(m->watermark, mark, sizeof mark), "the watermark");
    CHECK(m->consent_count == 2 && lk_hash_equal(&m->consent[1], &consent[1]), "consent");
    CHECK(m->no_training, "no training");
    static const char *const labels[] = {"c2pa.ingredient.v3", "c2pa.ingredient.v3__1", "c2pa.actions.v2", "c2pa.soft-binding",
                                         "org.likeness.consent", "c2pa.hash.data", "cawg.training-mining"};
    CHECK_INT(m->assertion_count, LK_COUNT(labels));
    for (int i = 0; i < m->assertion_count && i < (int)LK_COUNT(labels); i++) CHECK_STR(m->assertions[i], labels[i]);

    lk_text t = {0};
    lk_arena *arena;
    lk_json *j;
    c2pa_report_json(&r, &t);
    CHECK_OK(lk_arena_new(&arena, 4096), &err);
    CHECK_OK(lk_json_parse(t.s, t.len, arena, &j, &err), &err);
    CHECK_STR(lk_json_string(j, "state", ""), "trusted");
    CHECK_STR(lk_json_string(j, "active", ""), m->label);
    const lk_json *one = lk_json_get(j, "manifests")->child;
    CHECK_STR(lk_json_string(lk_json_get(one, "signer"), "name", ""), "Test signer");
    CHECK_INT(lk_json_get(one, "actions")->count, 3);
    CHECK_STR(lk_json_string(lk_json_get(one, "softBinding"), "value", ""), "010203fa");
    CHECK_INT(lk_json_get(one, "consent")->count, 2);
    CHECK_INT(lk_json_number(one, "noTraining", 0), 1);
    lk_arena_free(arena);
    lk_text_clear(&t);
    c2pa_report_clear(&r);
}

static void test_specs(void)
{
    c2pa_ingredient parent = {.relation = C2PA_PARENT_OF}, part = {.relation = C2PA_COMPONENT_OF}, two[2] = {parent, parent}, *many;
    c2pa_action edited = {.action = "c2pa.edited"}, untyped = {.action = "c2pa.created"}, unnamed = {.action = ""};
    c2pa_action open = {.action = "c2pa.opened", .ingredient_count = 1}, open_none = {.action = "c2pa.opened"};
    c2pa_action far = {.action = "c2pa.opened", .ingredients = {1}, .ingredient_count = 1};
    c2pa_action below = {.action = "c2pa.opened", .ingredients = {-1}, .ingredient_count = 1};
    c2pa_action crowd = {.action = "c2pa.opened", .ingredient_count = 9}, twice[2] = {made_action, made_action};
    many = calloc(65, sizeof *many);
    for (int i = 0; i < 65; i++) many[i] = part;
    const c2pa_spec bad[] = {
        {.log_index = -1},
        {.actions = &edited, .action_count = 1},
        {.actions = &untyped, .action_count = 1},
        {.actions = &unnamed, .action_count = 1},
        {.actions = twice, .action_count = 2},
        {.actions = &open_none, .action_count = 1, .ingredients = &parent, .ingredient_count = 1},
        {.actions = &open, .action_count = 1, .ingredients = &part, .ingredient_count = 1},
        {.actions = &far, .action_count = 1, .ingredients = &parent, .ingredient_count = 1},
        {.actions = &below, .action_count = 1, .ingredients = &parent, .ingredient_count = 1},
        {.actions = &crowd, .action_count = 1, .ingredients = &parent, .ingredient_count = 1},
        {.actions = &made_action, .action_count = 1, .ingredients = two, .ingredient_count = 2},
        {.actions = &made_action, .action_count = 1, .ingredients = many, .ingredient_count = 65},
        {.actions = &made_action, .action_count = 1, .watermark = (const uint8_t *)"x", .watermark_n = 1},
    };
    const char *in = small(C2PA_JPEG), *out = where("unsigned");
    lk_error err = {0};
    for (size_t i = 0; i < LK_COUNT(bad); i++) {
        lk_status s = c2pa_sign_file(in, out, &bad[i], &ann.signer, NULL, &err);
        CHECK(s == LK_E_ARG && !lk_path_exists(out), "row %zu: %d %s", i, (int)s, err.message);
    }
    free(many);
    CHECK_STATUS(c2pa_sign_file(in, in, &made_spec, &ann.signer, NULL, &err), LK_E_ARG, &err);
    CHECK_INT(lk_file_size(in), (int64_t)file_a.n);
    CHECK_STATUS(c2pa_sign_file_as("urn:c2pa:short", in, out, &made_spec, &ann.signer, &err), LK_E_ARG, &err);
    CHECK_STATUS(c2pa_sign_file(where("absent"), out, &made_spec, &ann.signer, NULL, &err), LK_E_NOTFOUND, &err);
    c2pa_signer wrong = ann.signer;
    wrong.chain = eve.chain;
    CHECK_STATUS(c2pa_sign_file(in, out, &made_spec, &wrong, NULL, &err), LK_E_ARG, &err);
    wrong.chain = ann.chain;
    wrong.chain_count = 0;
    CHECK_STATUS(c2pa_sign_file(in, out, &made_spec, &wrong, NULL, &err), LK_E_ARG, &err);
    CHECK(!lk_path_exists(out), "nothing is left");
}

/* A certificate that has run out, or that may not sign, signs nothing. */
static void test_bad_signers(void)
{
    const char *in = small(C2PA_WAV), *out = where("unsigned");
    lk_error err = {0};
    lk_wall_time_set(lk_wall_time() + 400LL * DAY);
    CHECK_STATUS(c2pa_sign_file(in, out, &made_spec, &ann.signer, NULL, &err), LK_E_MARK, &err);
    CHECK(strstr(err.message, "signingCredential.expired"), "%s", err.message);
    CHECK(!lk_path_exists(out), "nothing is left");
    lk_wall_time_set(0);
    c2pa_signer root = {.key = ann.root_key, .chain = &ann.root, .chain_count = 1};
    CHECK_STATUS(c2pa_sign_file(in, out, &made_spec, &root, NULL, &err), LK_E_MARK, &err);
    CHECK(strstr(err.message, "signingCredential.invalid"), "%s", err.message);
    CHECK(!lk_path_exists(out), "nothing is left");
}

/* --- time stamps -------------------------------------------------------------------------- */

static void test_stamps(void)
{
    int64_t now = lk_wall_time(), later = now + 200LL * DAY;
    authority a = {0};
    authority_make(&a, now);
    lk_der roots[2] = {ann.root, a.root.der};
    lk_error err = {0};
    for (int f = 0; f < C2PA_FORMATS; f++) {
        const char *in = small((c2pa_format)f), *plain = where("plain"), *out = where("stamped");
        c2pa_signer signer = ann.signer;
        CHECK_OK(c2pa_sign_file(in, plain, &made_spec, &signer, NULL, &err), &err);
        signer.anchors = roots;
        signer.anchor_count = 2;
        signer.time_stamp = authority_stamp;
        signer.time_stamp_user = &a;
        a.asked = 0;
        a.refuses = false;
        CHECK_OK(c2pa_sign_file(in, out, &made_spec, &signer, NULL, &err), &err);
        CHECK_INT(a.asked, 1);
        c2pa_report r;
        CHECK_OK(c2pa_verify_file(out, roots, 2, 0, &r, &err), &err);
        CHECK(r.state == C2PA_TRUSTED && has_code(&r, "timeStamp.trusted"), "%s", verdict_text(&r));
        CHECK_INT(r.active->signed_at, now);
        c2pa_report_clear(&r);
        /* When the certificate has run out, the stamp tells that it had not yet. */
        CHECK_OK(c2pa_verify_file(out, roots, 2, later, &r, &err), &err);
        CHECK(r.state == C2PA_TRUSTED, "%s", verdict_text(&r));
        c2pa_report_clear(&r);
        CHECK_OK(c2pa_verify_file(plain, roots, 2, later, &r, &err), &err);
        CHECK(r.state == C2PA_INVALID && has_code(&r, "signingCredential.expired"), "%s", verdict_text(&r));
        c2pa_report_clear(&r);
        /* An authority that nobody vouches for proves nothing. */
        CHECK_OK(c2pa_verify_file(out, roots, 1, 0, &r, &err), &err);
        CHECK(r.state == C2PA_TRUSTED && has_code(&r, "timeStamp.untrusted") && r.active->signed_at == 0, "%s", verdict_text(&r));
        c2pa_report_clear(&r);
        CHECK_OK(c2pa_verify_file(out, roots, 1, later, &r, &err), &err);
        CHECK(r.state == C2PA_INVALID && has_code(&r, "signingCredential.expired"), "%s", verdict_text(&r));
        c2pa_report_clear(&r);
        const char *none = where("unstamped");
        a.refuses = true;
        CHECK_STATUS(c2pa_sign_file(in, none, &made_spec, &signer, NULL, &err), LK_E_IO, &err);
        CHECK(!lk_path_exists(none), "nothing is left");
    }
    authority_free(&a);
}

/* --- faults ------------------------------------------------------------------------------- */

static void test_faults(void)
{
    const char *in = small(C2PA_PNG), *marked = where("marked"), *out = where("out");
    lk_error err = {0};
    c2pa_ingredient parent;
    c2pa_action open;
    CHECK_OK(c2pa_sign_file(in, marked, &made_spec, &ann.signer, NULL, &err), &err);
    c2pa_spec spec = opened_spec(marked, &parent, &open);
    unlink(out);
    static const lk_fault_kind kinds[] = {LK_FAULT_ALLOC, LK_FAULT_READ, LK_FAULT_WRITE, LK_FAULT_SYNC};
    for (size_t k = 0; k < LK_COUNT(kinds); k++) {
        FAULT_LOOP(kinds[k], false, {
            lk_status s = c2pa_sign_file(in, out, &spec, &ann.signer, NULL, &err);
            CHECK(fault_clean(s) || s == LK_E_MARK, "kind %zu: status %d: %s", k, (int)s, err.message);
            CHECK(lk_path_exists(out) == (s == LK_OK), "kind %zu: a file is left exactly when it was signed (%d)", k, (int)s);
            unlink(out);
        });
    }
    FAULT_LOOP(LK_FAULT_ALLOC, false, {
        c2pa_report r;
        lk_status s = c2pa_verify_file(marked, &ann.root, 1, 0, &r, &err);
        CHECK(s == LK_OK || s == LK_E_NOMEM, "status %d: %s", (int)s, err.message);
        if (s == LK_OK) CHECK(r.state == C2PA_TRUSTED, "%s", verdict_text(&r));
        c2pa_report_clear(&r);
    });
}

/* Into a file without a name, which a crash cannot leave behind. */
static void test_nameless(void)
{
    lk_error err = {0};
    int fd = open(tempdir, O_TMPFILE | O_RDWR, 0600);
    if (fd < 0) SKIP("no nameless files here");
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    for (int f = 0; f < C2PA_FORMATS; f++) {
        CHECK_OK(c2pa_sign_file(small((c2pa_format)f), path, &made_spec, &ann.signer, NULL, &err), &err);
        CHECK_INT(state_of_file(path, &ann), C2PA_TRUSTED);
    }
    close(fd);
}

/* A store may be large and nothing but work: an answer must come soon all the same. */
static void test_hostile_size(void)
{
    lk_bytes o = {0}, claim = {0};
    lk_error err = {0};
    char label[64];
    CHECK_OK(c2pa_label_new(label, &err), &err);
    size_t store = jumbf_open(&o, "c2pa", "c2pa"), manifest = jumbf_open(&o, "c2ma", label), parts = jumbf_open(&o, "c2as", "c2pa.assertions");
    for (int i = 0; i < 60; i++) {
        char name[40];
        snprintf(name, sizeof name, "org.example.zeros__%d", i + 1);
        size_t part = jumbf_open(&o, "cbor", name), content = o.len;
        jumbf_content(&o, "cbor", "", 0);
        lk_cbor_array(&o, 262143);
        lk_bytes_zeros(&o, 262143);
        put_be32(o.b + content, (uint32_t)(o.len - content));
        jumbf_close(&o, part);
    }
    jumbf_close(&o, parts);
    lk_cbor_map(&claim, 5);
    lk_cbor_text(&claim, "instanceID");
    lk_cbor_text(&claim, "xmp:iid:one");
    lk_cbor_text(&claim, "claim_generator_info");
    lk_cbor_map(&claim, 1);
    lk_cbor_text(&claim, "name");
    lk_cbor_text(&claim, "Tests");
    lk_cbor_text(&claim, "signature");
    lk_cbor_text(&claim, "self#jumbf=c2pa.signature");
    lk_cbor_text(&claim, "alg");
    lk_cbor_text(&claim, "sha256");
    lk_cbor_text(&claim, "created_assertions");
    lk_cbor_array(&claim, 1000);
    for (int i = 0; i < 1000; i++) /* the same one again and again: hashed once */
        c2pa_write_link(&claim, "self#jumbf=c2pa.assertions/org.example.zeros__1", &(lk_hash){{0}}, false);
    size_t at = jumbf_open(&o, "c2cl", "c2pa.claim.v2");
    jumbf_content(&o, "cbor", claim.b, claim.len);
    jumbf_close(&o, at);
    at = jumbf_open(&o, "c2cs", "c2pa.signature");
    jumbf_content(&o, "cbor", "\xf6", 1);
    jumbf_close(&o, at);
    jumbf_close(&o, manifest);
    jumbf_close(&o, store);
    double from = lk_now();
    c2pa_report r;
    CHECK_OK(c2pa_verify_bytes(o.b, o.len, &r, &err), &err);
    CHECK(r.state == C2PA_INVALID && has_code(&r, "assertion.undeclared"), "%s", c2pa_state_name(r.state));
    CHECK(lk_now() - from < 10, "%.1f s for %zu bytes", lk_now() - from, o.len);
    c2pa_report_clear(&r);
    lk_bytes_clear(&o);
    lk_bytes_clear(&claim);
}

/* --- files of others ---------------------------------------------------------------------- */

static void test_public_files(void)
{
    const char *data = getenv("LIKENESS_DATA");
    if (!data) data = DATA_FOLDER;
    static const struct { const char *name; c2pa_state state; const char *code; int manifests; } rows[] = {
        {"A", C2PA_NONE, NULL, 0},
        {"I", C2PA_NONE, NULL, 0},
        {"C", C2PA_VALID, "claimSignature.validated", 1},
        {"CI", C2PA_VALID, "ingredient.unknownProvenance", 1},
        {"CACA", C2PA_VALID, "ingredient.manifest.validated", 2},
        {"CICA", C2PA_VALID, "timeStamp.validated", 2},
        {"E-sig-CA", C2PA_INVALID, "claimSignature.mismatch", 1},
        {"E-dat-CA", C2PA_INVALID, "assertion.dataHash.mismatch", 1},
        {"XCI", C2PA_INVALID, "assertion.dataHash.mismatch", 1},
    };
    int found = 0;
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        char path[600];
        snprintf(path, sizeof path, "%s/c2pa/adobe-20220124-%s.jpg", data, rows[i].name);
        if (!lk_path_exists(path)) continue;
        found++;
        c2pa_report r = judged(path, NULL);
        CHECK(r.state == rows[i].state && (!rows[i].code || has_code(&r, rows[i].code)) && r.manifest_count == rows[i].manifests, "%s: %s",
              rows[i].name, verdict_text(&r));
        if (r.active) CHECK(r.active->claim_version == 1 && r.active->has_signer && !strcmp(r.active->alg, "ps256"), "%s", rows[i].name);
        c2pa_report_clear(&r);
    }
    if (!found) SKIP("no public files here");
}

int main(int argc, char **argv)
{
    static const check_test tests[] = {
        {"formats", test_formats}, {"lengths", test_lengths}, {"store_sizes", test_store_sizes}, {"contents", test_contents},
        {"specs", test_specs}, {"bad_signers", test_bad_signers}, {"stamps", test_stamps}, {"faults", test_faults},
        {"nameless", test_nameless}, {"hostile_size", test_hostile_size}, {"public_files", test_public_files}};
    return small_main(argc, argv, "c2pa-sign", tests, LK_COUNT(tests));
}
