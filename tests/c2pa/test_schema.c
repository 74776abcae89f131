/* test_schema.c: every field that is looked at, holding a value of every kind: accepted exactly when the row says so.
 *
 * `test_c2pa_schema --write FOLDER` leaves the files, root.pem and our verdicts for tools/referee.
 */
#include "forge.h"

static person ann;
static forge f;

/* The kinds of values: the letters of the rows below. */
static const struct { char letter; const char *name; } kinds[] = {{'u', "uint"}, {'t', "text"}, {'b', "bytes"}, {'a', "array"}, {'m', "map"},
    {'0', "null"}, {'?', "bool"}, {'f', "float"}, {'n', "negative"}, {'d', "date"}, {'e', "empty"}};

static void put_value(lk_bytes *o, char kind)
{
    switch (kind) {
    case 'u': lk_cbor_uint(o, 7); break;
    case 't': lk_cbor_text(o, "some text"); break;
    case 'b': lk_cbor_bytes(o, "\1\2", 2); break;
    case 'a': lk_cbor_array(o, 1); lk_cbor_uint(o, 1); break;
    case 'm': lk_cbor_map(o, 1); entry(o, "a", "b"); break;
    case '0': lk_cbor_null(o); break;
    case '?': lk_cbor_bool(o, true); break;
    case 'f': lk_cbor_double(o, 1.5); break;
    case 'n': lk_cbor_int(o, -3); break;
    case 'd': lk_cbor_tag(o, 0); lk_cbor_text(o, "2024-01-01T00:00:00Z"); break;
    default: lk_cbor_array(o, 0);
    }
}

typedef enum place { ACTION, PARAMETERS, ACTIONS, INGREDIENT, SOFT, CLAIM, GENERATOR, PART } place;
static const struct row { place where; const char *field, *good; } rows[] = {
    {ACTION, "when", "t0d"}, {ACTION, "softwareAgent", "t0"}, {ACTION, "softwareAgentIndex", "u0"}, {ACTION, "description", "t0"},
    {ACTION, "reason", "t0"}, {ACTION, "changes", "0e"}, {ACTION, "changed", "t0"}, {ACTION, "parameters", "m"},
    {ACTION, "digitalSourceType", "t"}, {ACTION, "instanceId", "t0"}, {ACTION, "actors", "0e"}, {ACTION, "related", "0e"},
    {ACTION, "metadata", "utbam0?fnde"}, {ACTION, "org.example.x", "utbam0?fnde"},
    {PARAMETERS, "ingredients", "e"}, {PARAMETERS, "ingredient", ""}, {PARAMETERS, "redacted", "t0"}, {PARAMETERS, "sourceLanguage", "t0"},
    {PARAMETERS, "targetLanguage", "t0"}, {PARAMETERS, "multipleInstances", "?0"}, {PARAMETERS, "name", "utbam0?fnde"},
    {ACTIONS, "allActionsIncluded", "?0"}, {ACTIONS, "templates", "0e"}, {ACTIONS, "softwareAgents", "0e"}, {ACTIONS, "metadata", "m0"},
    {INGREDIENT, "dc:title", "t"}, {INGREDIENT, "dc:format", "t"}, {INGREDIENT, "instanceID", "t"}, {INGREDIENT, "activeManifest", ""},
    {INGREDIENT, "claimSignature", ""}, {INGREDIENT, "c2pa_manifest", ""}, {INGREDIENT, "org.example.x", "utbam0?fnde"},
    {SOFT, "alg", "t"}, {SOFT, "pad", "b"}, {SOFT, "blocks", "e"}, {SOFT, "name", "t0"}, {SOFT, "url", "t0"},
    {CLAIM, "dc:title", "t"}, {CLAIM, "redacted_assertions", "e"}, {CLAIM, "created_by", ""},
    {GENERATOR, "version", "t0"}, {GENERATOR, "specVersion", "t0"}, {GENERATOR, "operating_system", "t0"}, {GENERATOR, "icon", "0"},
    {GENERATOR, "org.example.x", "utam0?fnde"},
    {PART, "c2pa.actions.v2__1", ""}, {PART, "c2pa.ingredient.v3", ""}, {PART, "c2pa.soft-binding", ""}, {PART, "c2pa.metadata", ""},
    {PART, "org.example.metadata", ""}, {PART, "c2pa.time-stamp", ""}, {PART, "c2pa.certificate-status", ""}, {PART, "c2pa.cloud-data", ""},
    {PART, "c2pa.external-reference", ""}, {PART, "c2pa.assertion.metadata", "m"}, {PART, "cawg.identity", ""},
    {PART, "c2pa.thumbnail.claim.jpeg", ""}, {PART, "org.example.x", "utbam0?fnde"}, {PART, "c2pa.asset-type", "utbam0?fnde"},
};

static void put_field(lk_bytes *o, const struct row *r, char kind)
{
    lk_cbor_text(o, r->field);
    put_value(o, kind);
}

static void forge_actions(const struct row *r, char kind)
{
    lk_bytes *o = add_part(&f, "c2pa.actions.v2");
    lk_cbor_map(o, r->where == ACTIONS ? 2 : 1);
    lk_cbor_text(o, "actions");
    lk_cbor_array(o, 2);
    lk_cbor_map(o, 2);
    entry(o, "action", "c2pa.created");
    entry(o, "digitalSourceType", IPTC "digitalCapture");
    lk_cbor_map(o, r->where == ACTION || r->where == PARAMETERS ? 2 : 1);
    entry(o, "action", "c2pa.edited");
    if (r->where == ACTION) put_field(o, r, kind);
    if (r->where == PARAMETERS) {
        lk_cbor_text(o, "parameters");
        lk_cbor_map(o, 1);
        put_field(o, r, kind);
    }
    if (r->where == ACTIONS) put_field(o, r, kind);
}

static void forge_soft(const struct row *r, char kind)
{
    lk_bytes *o = add_part(&f, "c2pa.soft-binding");
    bool alg = !strcmp(r->field, "alg"), pad = !strcmp(r->field, "pad"), blocks = !strcmp(r->field, "blocks");
    lk_cbor_map(o, alg || pad || blocks ? 3 : 4);
    if (!alg) entry(o, "alg", "org.example.1");
    if (!pad) {
        lk_cbor_text(o, "pad");
        lk_cbor_bytes(o, "", 0);
    }
    if (!blocks) {
        lk_cbor_text(o, "blocks");
        lk_cbor_array(o, 1);
        lk_cbor_map(o, 2);
        lk_cbor_text(o, "scope");
        lk_cbor_map(o, 0);
        lk_cbor_text(o, "value");
        lk_cbor_bytes(o, "x", 1);
    }
    put_field(o, r, kind);
}

static const char *forge_row(const struct row *r, char kind)
{
    forge_start(&f, &ann, false);
    forge_actions(r, kind);
    if (r->where == INGREDIENT) {
        lk_bytes *o = add_part(&f, "c2pa.ingredient.v3");
        lk_cbor_map(o, 2);
        entry(o, "relationship", "componentOf");
        put_field(o, r, kind);
    }
    if (r->where == SOFT) forge_soft(r, kind);
    if (r->where == CLAIM) put_field(&f.claim_more, r, kind);
    if (r->where == GENERATOR) put_field(&f.info_more, r, kind);
    if (r->where == PART) put_value(add_part(&f, r->field), kind);
    const char *path = forge_file(&f, "schema.png");
    forge_clear(&f);
    return path;
}

static void test_kinds(void)
{
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        for (size_t k = 0; k < LK_COUNT(kinds); k++) {
            c2pa_report r;
            lk_error err = {0};
            CHECK_OK(c2pa_verify_file(forge_row(&rows[i], kinds[k].letter), &ann.root, 1, 0, &r, &err), &err);
            c2pa_state want = strchr(rows[i].good, kinds[k].letter) ? C2PA_TRUSTED : C2PA_INVALID;
            CHECK(r.state == want, "%s of kind %s: wanted %s, got %s", rows[i].field, kinds[k].name, c2pa_state_name(want), verdict_text(&r));
            c2pa_report_clear(&r);
        }
    }
}

/* --- what is below the first level -------------------------------------------------------- */

static c2pa_state judged(void)
{
    const char *path = forge_file(&f, "schema.png");
    forge_clear(&f);
    return state_of_file(path, &ann);
}

/* A change with its region; without; a template; an icon that is there, changed, or missing. */
static void test_deeper(void)
{
    for (int variant = 0; variant < 4; variant++) {
        forge_start(&f, &ann, false);
        lk_bytes *o = add_part(&f, "c2pa.actions.v2");
        lk_cbor_map(o, 1);
        lk_cbor_text(o, "actions");
        lk_cbor_array(o, 1);
        lk_cbor_map(o, 3);
        entry(o, "action", "c2pa.created");
        entry(o, "digitalSourceType", IPTC "digitalCapture");
        lk_cbor_text(o, "changes");
        lk_cbor_array(o, 1);
        lk_cbor_map(o, 1);
        lk_cbor_text(o, variant == 1 ? "regions" : "region");
        lk_cbor_array(o, 1);
        lk_cbor_map(o, 1);
        lk_cbor_text(o, variant == 2 ? "kind" : "type");
        if (variant == 3) lk_cbor_uint(o, 1);
        else lk_cbor_text(o, "temporal");
        CHECK_INT(judged(), variant ? C2PA_INVALID : C2PA_TRUSTED);
    }
    for (int variant = 0; variant < 3; variant++) {
        forge_start(&f, &ann, true);
        lk_bytes *o = add_part(&f, "c2pa.icon");
        f.part[1].type = "file";
        jumbf_content(o, "bfdb", "\0image/png", 11);
        jumbf_content(o, "bidb", "an icon", 7);
        lk_bytes box = {0};
        size_t at = jumbf_open(&box, "file", "c2pa.icon");
        lk_bytes_add(&box, o->b, o->len);
        jumbf_close(&box, at);
        lk_hash h = lk_hash_bytes(box.b + 8, box.len - 8);
        lk_bytes_clear(&box);
        h.b[0] ^= variant == 1;
        lk_cbor_text(&f.info_more, "icon");
        c2pa_write_link(&f.info_more, variant == 2 ? "self#jumbf=c2pa.assertions/c2pa.icons" : "self#jumbf=c2pa.assertions/c2pa.icon", &h, true);
        CHECK_INT(judged(), variant ? C2PA_INVALID : C2PA_TRUSTED);
    }
}

static void test_metadata(void)
{
    static const struct { const char *json; bool good; } texts[] = {
        {"{\"@context\":{\"dc\":\"http://purl.org/dc/elements/1.1/\"},\"dc:format\":\"image/png\"}", true},
        {"{\"@context\":{\"dc\":\"http://purl.org/dc/elements/1.1/\"},\"exif:format\":\"image/png\"}", false},
        {"{\"@context\":{\"dc\":\"http://purl.org/dc/elements/1.1/\"},\"format\":\"image/png\"}", false},
        {"{\"@context\":\"dc\",\"dc:format\":\"image/png\"}", false},
        {"{\"dc:format\":\"image/png\"}", false},
        {"\"text\"", false},
    };
    for (size_t i = 0; i < LK_COUNT(texts); i++) {
        forge_start(&f, &ann, true);
        lk_bytes_add(add_part(&f, "c2pa.metadata"), texts[i].json, strlen(texts[i].json));
        f.part[1].type = "json";
        c2pa_state s = judged();
        CHECK(s == (texts[i].good ? C2PA_TRUSTED : C2PA_INVALID), "%s: %s", texts[i].json, c2pa_state_name(s));
    }
}

static int write_rows(const char *folder)
{
    lk_error err = {0};
    char path[400], *pem;
    if (lk_cert_to_pem(&ann.root, 1, &pem, &err) != LK_OK) return 1;
    snprintf(path, sizeof path, "%s/root.pem", folder);
    lk_file_write_atomic(path, pem, strlen(pem), &err);
    lk_free(pem);
    for (size_t i = 0; i < LK_COUNT(rows); i++) {
        for (size_t k = 0; k < LK_COUNT(kinds); k++) {
            void *data;
            size_t n;
            lk_file_read(forge_row(&rows[i], kinds[k].letter), 1 << 24, &data, &n, &err);
            snprintf(path, sizeof path, "%s/%d.%s.%s.png", folder, rows[i].where, rows[i].field, kinds[k].name);
            lk_file_write_atomic(path, data, n, &err);
            lk_free(data);
            printf("%s %s -\n", path, strchr(rows[i].good, kinds[k].letter) ? "trusted" : "invalid");
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const check_test tests[] = {{"kinds", test_kinds}, {"deeper", test_deeper}, {"metadata", test_metadata}};
    tempdir_make("c2pa-schema");
    person_make(&ann, LK_PK_ES256);
    int rc = argc == 3 && !strcmp(argv[1], "--write") ? write_rows(argv[2]) : check_main(argc, argv, tests, LK_COUNT(tests));
    person_free(&ann);
    return tempdir_remove(rc);
}
