/* make_samples.c: `c2pa_samples IN-FOLDER OUT-FOLDER [INGREDIENT...]`: signs every file of IN-FOLDER in several ways, with a throw-away
 * root and leaf of each kind of key, for readers that are not ours (tools/referee). OUT-FOLDER gets root.pem and
 * NAME.KEY.WAY.EXT: plain (made from nothing), opened (of a parent without manifest), rich (everything at once), again
 * (the rich one signed once more, with both manifests kept), withN (the N-th INGREDIENT as a component),
 * stamped (plain, with a time stamp of an authority whose root is in root.pem too).
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "mark/c2pa/c2pa.h"
#include "stamp.h"

#define IPTC "http://cv.iptc.org/newscodes/digitalsourcetype/"

static lk_error err;

static void must(lk_status s, const char *what)
{
    if (s == LK_OK) return;
    fprintf(stderr, "%s: %s\n", what, err.message);
    exit(1);
}

typedef struct signer_set { lk_pk *root_key, *key; lk_der root, chain[2]; c2pa_signer signer; } signer_set;

static void make_signer(lk_pk_alg alg, signer_set *s)
{
    lk_cert_name root = {.common_name = "Throw-away root", .organization = "Likeness tests", .country = "XX"};
    lk_cert_name leaf = {.common_name = "Throw-away signer", .organization = "Likeness tests", .country = "XX"};
    must(lk_pk_new(alg, &s->root_key, &err), "root key");
    must(lk_pk_new(alg, &s->key, &err), "key");
    must(lk_cert_root(s->root_key, &root, 3650, &s->root, &err), "root");
    must(lk_cert_leaf(s->key, &leaf, 365, s->root_key, &s->root, &s->chain[0], &err), "leaf");
    s->signer = (c2pa_signer){.key = s->key, .chain = s->chain, .chain_count = 1, .anchors = &s->root, .anchor_count = 1};
}

static void free_signer(signer_set *s)
{
    lk_pk_free(&s->root_key);
    lk_pk_free(&s->key);
    lk_free(s->root.data);
    lk_free(s->chain[0].data);
}

static char *name_of(const char *folder, const char *file, const char *key, const char *way)
{
    const char *dot = strrchr(file, '.');
    return lk_strfmt("%s/%.*s.%s.%s%s", folder, (int)(dot - file), file, key, way, dot);
}

static void sign(const char *in, const char *out, const c2pa_spec *spec, const c2pa_signer *signer)
{
    must(c2pa_sign_file(in, out, spec, signer, NULL, &err), out);
    printf("%s\n", out);
}

static authority stamps;

static void sign_ways(const char *in, const char *file, const char *out, const char *key, const signer_set *s)
{
    char *plain = name_of(out, file, key, "plain"), *opened = name_of(out, file, key, "opened");
    char *rich = name_of(out, file, key, "rich"), *again = name_of(out, file, key, "again");
    c2pa_action made = {.action = "c2pa.created", .source_type = IPTC "trainedAlgorithmicMedia"};
    c2pa_spec spec = {.title = file, .actions = &made, .action_count = 1, .log_index = -1};
    sign(in, plain, &spec, &s->signer);
    char *stamped = name_of(out, file, key, "stamped");
    c2pa_signer timed = s->signer;
    timed.time_stamp = authority_stamp;
    timed.time_stamp_user = &stamps;
    sign(in, stamped, &spec, &timed);
    lk_free(stamped);

    c2pa_ingredient parent = {.relation = C2PA_PARENT_OF, .title = file, .path = in};
    c2pa_action open = {.action = "c2pa.opened", .ingredients = {0}, .ingredient_count = 1};
    spec = (c2pa_spec){.title = file, .actions = &open, .action_count = 1, .ingredients = &parent, .ingredient_count = 1, .log_index = -1};
    sign(in, opened, &spec, &s->signer);

    c2pa_ingredient many[] = {
        {.relation = C2PA_PARENT_OF, .title = "source footage", .path = plain, .description = "the footage that was changed"},
        {.relation = C2PA_INPUT_TO, .title = "swap model", .model = true, .description = "a model of one consenting person"},
        {.relation = C2PA_COMPONENT_OF, .title = "opened", .path = opened},
    };
    c2pa_action actions[] = {
        {.action = "c2pa.opened", .ingredients = {0}, .ingredient_count = 1},
        {.action = "c2pa.placed", .ingredients = {2}, .ingredient_count = 1, .when = lk_wall_time()},
        {.action = "c2pa.edited", .source_type = IPTC "compositeWithTrainedAlgorithmicMedia", .description = "face replaced",
         .when = lk_wall_time(), .ingredients = {1}, .ingredient_count = 1},
        {.action = "c2pa.dubbed", .source_type = IPTC "compositeWithTrainedAlgorithmicMedia"},
        {.action = "c2pa.watermarked"},
    };
    static const uint8_t mark[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    lk_hash consent[2] = {lk_hash_bytes("one", 3), lk_hash_bytes("two", 3)};
    spec = (c2pa_spec){.title = file, .actions = actions, .action_count = LK_COUNT(actions), .ingredients = many,
                       .ingredient_count = LK_COUNT(many), .watermark = mark, .watermark_n = sizeof mark,
                       .watermark_alg = "org.likeness.video.1", .consent = consent, .consent_count = 2, .log_index = 70000,
                       .no_training = true};
    sign(in, rich, &spec, &s->signer);

    parent.path = rich;
    spec = (c2pa_spec){.title = "again", .actions = &open, .action_count = 1, .ingredients = &parent, .ingredient_count = 1, .log_index = -1};
    c2pa_signer demo = s->signer;
    demo.demo = true;
    sign(rich, again, &spec, &demo);
    lk_free(plain);
    lk_free(opened);
    lk_free(rich);
    lk_free(again);
}

static void sign_with(const char *in, const char *file, const char *out, const char *key, const signer_set *s, int n, char **paths)
{
    c2pa_action actions[] = {{.action = "c2pa.created", .source_type = IPTC "compositeWithTrainedAlgorithmicMedia"},
                             {.action = "c2pa.placed", .ingredients = {0}, .ingredient_count = 1}};
    for (int i = 0; i < n; i++) {
        char way[16];
        snprintf(way, sizeof way, "with%d", i + 1);
        char *path = name_of(out, file, key, way);
        c2pa_ingredient part = {.relation = C2PA_COMPONENT_OF, .title = lk_path_base(paths[i]), .path = paths[i]};
        c2pa_spec spec = {.title = file, .actions = actions, .action_count = 2, .ingredients = &part, .ingredient_count = 1, .log_index = -1};
        sign(in, path, &spec, &s->signer);
        lk_free(path);
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s IN-FOLDER OUT-FOLDER [INGREDIENT...]\n", argv[0]);
        return 2;
    }
    static const struct { lk_pk_alg alg; const char *name; } keys[] = {{LK_PK_ES256, "es256"}, {LK_PK_EDDSA, "ed25519"}};
    signer_set s[LK_COUNT(keys)] = {0};
    lk_der roots[LK_COUNT(keys) + 1];
    authority_make(&stamps, lk_wall_time());
    roots[LK_COUNT(keys)] = stamps.root.der;
    for (size_t k = 0; k < LK_COUNT(keys); k++) {
        make_signer(keys[k].alg, &s[k]);
        roots[k] = s[k].root;
    }
    char *pem, *path = lk_strfmt("%s/root.pem", argv[2]);
    must(lk_cert_to_pem(roots, LK_COUNT(roots), &pem, &err), "root.pem");
    must(lk_file_write_atomic(path, pem, strlen(pem), &err), "root.pem");
    lk_free(pem);
    lk_free(path);
    DIR *d = opendir(argv[1]);
    if (!d) {
        perror(argv[1]);
        return 1;
    }
    for (struct dirent *e; (e = readdir(d));) {
        const char *dot = strrchr(e->d_name, '.');
        if (e->d_name[0] == '.' || !dot) continue;
        char *in = lk_strfmt("%s/%s", argv[1], e->d_name);
        for (size_t k = 0; k < LK_COUNT(keys); k++) {
            sign_ways(in, e->d_name, argv[2], keys[k].name, &s[k]);
            sign_with(in, e->d_name, argv[2], keys[k].name, &s[k], argc - 3, argv + 3);
        }
        lk_free(in);
    }
    closedir(d);
    for (size_t k = 0; k < LK_COUNT(keys); k++) free_signer(&s[k]);
    authority_free(&stamps);
    return 0;
}
