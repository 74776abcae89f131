/* Training learns, draws the same for the same seed, asks for consent at every
 * entry and while it runs, and writes models that only the right people open. */
#include "swap/training.h"

static void test_learns(void)
{
    lesson l;
    lk_swap_train_report first, last;
    lesson_open(&l, 1);
    l.o.work_path = NULL;
    CHECK_OK(lesson_train(&l, &first, NULL, NULL), &err);
    l.o.steps = 260;
    CHECK_OK(lesson_train(&l, &last, NULL, NULL), &err);
    CHECK(last.steps > 60 && last.steps <= 260, "%d steps; fewer only by the stop rule", (int)last.steps);
    CHECK(last.loss_held_out < 0.7f * first.loss_held_out, "held-out loss %.3f at first, %.3f at last",
          (double)first.loss_held_out, (double)last.loss_held_out);
    CHECK(last.ssim_held_out > first.ssim_held_out + 0.1f, "SSIM %.3f, then %.3f",
          (double)first.ssim_held_out, (double)last.ssim_held_out);
    lk_json *card = NULL;
    lk_arena *arena = NULL;
    CHECK_OK(lk_arena_new(&arena, 4096), &err);
    CHECK_OK(lk_json_parse(last.card, strlen(last.card), arena, &card, &err), &err);
    CHECK_NEAR(lk_json_number(card, "steps", 0), (double)last.steps, 0);
    CHECK_NEAR(lk_json_number(card, "held_out_ssim", 0), last.ssim_held_out, 1e-3);
    lk_arena_free(arena);

    /* What it made of the target is more like the source at that pose than the target's own picture is. */
    lk_swap_model *m = NULL;
    CHECK_OK(lk_swap_model_open(l.model, l.world.source, l.world.target, 2, &m, &err), &err);
    lk_image crop, face, mask, want;
    CHECK_OK(lk_image_new(32, 32, 3, &crop, &err), &err);
    CHECK_OK(lk_image_new(32, 32, 3, &face, &err), &err);
    CHECK_OK(lk_image_new(32, 32, 1, &mask, &err), &err);
    CHECK_OK(lk_image_new(32, 32, 3, &want, &err), &err);
    double made = 0, own = 0, inside = 0, outside = 0;
    for (int i = 0; i < 12; i++) {
        drawn_face f = drawn_any(1, i), g = f;
        g.person = 0;
        lk_image frame, other;
        lk_point lm[LK_LANDMARKS], lm2[LK_LANDMARKS];
        drawn_make(&f, &frame, lm);
        drawn_make(&g, &other, lm2);
        lk_affine to_frame = lk_affine_invert(lk_face_align(lm, 32, 1.0f));
        lk_image_warp(&frame, &crop, to_frame, LK_FILTER_AREA, LK_BORDER_CLAMP);
        lk_image_warp(&other, &want, to_frame, LK_FILTER_AREA, LK_BORDER_CLAMP);
        CHECK_OK(lk_swap_model_run(m, &crop, 1, NULL, &face, &mask, &err), &err);
        for (int y = 8; y < 24; y++)
            /* Features, with the skin's tone taken out: a swap keeps the target's light. */
            for (int x = 8; x < 24; x++) {
                int q = 3 * (y * 32 + x);
                made += pow((double)(face.data[q + 1] - face.data[q] - want.data[q + 1] + want.data[q]), 2);
                own += pow((double)(crop.data[q + 1] - crop.data[q] - want.data[q + 1] + want.data[q]), 2);
            }
        inside += (double)mask.data[16 * 32 + 16];
        outside += (double)mask.data[1 * 32 + 1];
        lk_image_clear(&frame);
        lk_image_clear(&other);
    }
    CHECK(made < own, "made %.3f, the target itself %.3f", made, own);
    CHECK(inside / 12 > 0.8 && outside / 12 < 0.2, "mask %.2f inside, %.2f outside", inside / 12,
          outside / 12);
    lk_image_clear(&crop);
    lk_image_clear(&face);
    lk_image_clear(&mask);
    lk_image_clear(&want);
    lk_swap_model_close(&m);
    lesson_close(&l);
}

static void test_same_seed(void)
{
    lesson l;
    lk_swap_train_report r;
    char a[LK_HASH_HEX], b[LK_HASH_HEX], c[LK_HASH_HEX];
    lesson_open(&l, 40);
    l.o.work_path = NULL;
    CHECK_OK(lesson_train(&l, &r, NULL, NULL), &err);
    weights_hash(l.model, a);
    CHECK_OK(lesson_train(&l, &r, NULL, NULL), &err);
    weights_hash(l.model, b);
    CHECK_STR(b, a);
    l.o.seed++;
    CHECK_OK(lesson_train(&l, &r, NULL, NULL), &err);
    weights_hash(l.model, c);
    CHECK(strcmp(a, c), "another seed gave the same weights");
    lesson_close(&l);
}

static void test_consent_at_entry(void)
{
    lesson l;
    lk_swap_train_report r;
    lesson_open(&l, 5);
    const lk_grant *s = l.world.source, *t = l.world.target, *none = NULL;
    CHECK_STATUS(lk_swap_train(&l.source, &none, 1, &l.target, &t, 1, &l.o, &r, NULL, NULL, &err),
                 LK_E_CONSENT, &err);
    CHECK_STATUS(lk_swap_train(&l.source, &s, 1, &l.target, &none, 1, &l.o, &r, NULL, NULL, &err),
                 LK_E_CONSENT, &err);
    CHECK_STATUS(lk_swap_train(&l.source, NULL, 0, &l.target, &t, 1, &l.o, &r, NULL, NULL, &err),
                 LK_E_CONSENT, &err);
    /* bob agreed to be a target only */
    CHECK_STATUS(lk_swap_train(&l.target, &t, 1, &l.target, &t, 1, &l.o, &r, NULL, NULL, &err), LK_E_CONSENT,
                 &err);
    /* ann's grant does not cover bob's pictures */
    lk_grant *carol = drawn_grant(&l.world, "carol", LK_USE_FACE_SOURCE | LK_USE_FACE_TARGET,
                                  LK_USE_FACE_SOURCE, NULL);
    const lk_grant *c = carol;
    CHECK_STATUS(lk_swap_train(&l.source, &c, 1, &l.target, &t, 1, &l.o, &r, NULL, NULL, &err), LK_E_CONSENT,
                 &err);
    CHECK_STATUS(lk_swap_train(&l.source, &s, 1, &l.target, &c, 1, &l.o, &r, NULL, NULL, &err), LK_E_CONSENT,
                 &err);
    CHECK_STATUS(lk_swap_train_base(&l.target, &t, 1, &l.o, &r, NULL, NULL, &err), LK_E_CONSENT, &err);
    CHECK(!lk_path_exists(l.model) && !lk_path_exists(l.work), "a refused training left a file");
    lk_grant_free(&carol);
    lesson_close(&l);
}

typedef struct revoker { drawn_world *w; int64_t at; bool done; } revoker;

static void revoke_at(void *user, const lk_progress *p)
{
    revoker *r = user;
    if (r->done || p->done < r->at) return;
    r->done = true;
    CHECK_OK(lk_consent_revoke(r->w->registry, r->w->record[1], "changed my mind", &err), &err);
}

static void test_consent_withdrawn(void)
{
    lesson l;
    lk_swap_train_report r;
    lesson_open(&l, 1000000);
    l.o.checkpoint_seconds = 1;
    revoker w = {.w = &l.world, .at = 3};
    lk_progress_sink sink = {.report = revoke_at, .user = &w};
    CHECK_STATUS(lesson_train(&l, &r, NULL, &sink), LK_E_CONSENT, &err);
    CHECK(!lk_path_exists(l.model) && !lk_path_exists(l.work), "something was written after the revocation");
    lesson_close(&l);
}

static void test_options(void)
{
    lesson l;
    lk_swap_train_report r;
    lesson_open(&l, 5);
    lk_swap_train_options good = l.o;
    l.o.config.size = 50;
    CHECK_STATUS(lesson_train(&l, &r, NULL, NULL), LK_E_RANGE, &err);
    l.o = good;
    l.o.batch = 0;
    CHECK_STATUS(lesson_train(&l, &r, NULL, NULL), LK_E_RANGE, &err);
    l.o = good;
    l.o.lr = -1;
    CHECK_STATUS(lesson_train(&l, &r, NULL, NULL), LK_E_RANGE, &err);
    l.o = good;
    l.o.steps = 0;
    CHECK_STATUS(lesson_train(&l, &r, NULL, NULL), LK_E_ARG, &err);
    l.o = good;
    l.o.base = l.source_path; /* a dataset is no base */
    CHECK_STATUS(lesson_train(&l, &r, NULL, NULL), LK_E_FORMAT, &err);
    CHECK(!lk_path_exists(l.model), "a model of a refused training");
    lesson_close(&l);
}

/* A base of two drawn people with clips in step, then a model that starts from it. */
static void test_base(void)
{
    lesson l;
    lk_swap_train_report scratch, base, after;
    char path[128], second[128];
    lesson_open(&l, 30);
    l.o.work_path = NULL;
    CHECK_OK(lesson_train(&l, &scratch, NULL, NULL), &err);
    lk_grant *dora = drawn_grant(&l.world, "dora", LK_USE_FACE_SOURCE, LK_USE_FACE_SOURCE, NULL);
    drawn_dataset(dora, LK_USE_FACE_SOURCE, 1, 64, drawn_path(&l.world, "dora.dataset", second));
    lk_dataset *people[2] = {l.source, NULL};
    CHECK_OK(lk_dataset_open(second, dora, LK_USE_FACE_SOURCE, &people[1], &err), &err);
    const lk_grant *grants[2] = {l.world.source, dora};
    lk_swap_train_options o = l.o;
    o.model_path = drawn_path(&l.world, "base.safetensors", path);
    o.steps = 200;
    o.twins = (lk_swap_twin[]){{0, 0, 1, 0}, {1, 0, 0, 0}};
    o.twin_count = 2;
    CHECK_OK(lk_swap_train_base(people, grants, 2, &o, &base, NULL, NULL, &err), &err);
    lk_swap_model *m = NULL;
    /* nobody's face is in it */
    CHECK_STATUS(lk_swap_model_open(path, l.world.source, l.world.target, 1, &m, &err), LK_E_FORMAT, &err);
    l.o.base = path;
    CHECK_OK(lesson_train(&l, &after, NULL, NULL), &err);
    CHECK(after.loss_held_out < 0.95f * scratch.loss_held_out,
          "after 30 steps %.3f from the base, %.3f from scratch",
          (double)after.loss_held_out, (double)scratch.loss_held_out);
    CHECK(strstr(after.card, "base_sha256"), "the card does not name the base");
    o.twins = (lk_swap_twin[]){{0, 7, 1, 0}};
    o.twin_count = 1;
    CHECK_STATUS(lk_swap_train_base(people, grants, 2, &o, &base, NULL, NULL, &err), LK_E_ARG, &err);
    lk_dataset_close(&people[1]);
    lk_grant_free(&dora);
    lesson_close(&l);
}

static void test_model_files(void)
{
    lesson l;
    lk_swap_train_report r;
    lesson_open(&l, 3);
    l.o.work_path = NULL;
    CHECK_OK(lesson_train(&l, &r, NULL, NULL), &err);
    lk_swap_info info;
    CHECK_OK(lk_swap_model_info(l.model, &info, &err), &err);
    CHECK_STR(info.source_subject, lk_grant_subject_id(l.world.source));
    CHECK_STR(info.target_record, l.world.record[1]);
    CHECK_INT(info.config.size, 32);
    CHECK(lk_hash_equal(&info.hash, &r.model_hash), "the hash is not the file's");
    lk_swap_model *m = NULL;
    CHECK_STATUS(lk_swap_model_open(l.model, NULL, l.world.target, 1, &m, &err), LK_E_CONSENT, &err);
    CHECK_STATUS(lk_swap_model_open(l.model, l.world.source, NULL, 1, &m, &err), LK_E_CONSENT, &err);
    CHECK_STATUS(lk_swap_model_open(l.model, l.world.source, l.world.source, 1, &m, &err), LK_E_CONSENT,
                 &err);
    lk_grant *eve = drawn_grant(&l.world, "eve", LK_USE_FACE_SOURCE, LK_USE_FACE_SOURCE, NULL);
    CHECK_STATUS(lk_swap_model_open(l.model, eve, l.world.target, 1, &m, &err), LK_E_CONSENT, &err);
    CHECK_STATUS(lk_swap_model_open(l.model, l.world.source, l.world.target, 9, &m, &err), LK_E_RANGE, &err);
    CHECK_STATUS(lk_swap_model_open(l.source_path, l.world.source, l.world.target, 1, &m, &err), LK_E_FORMAT,
                 &err);
    lk_swap_info other;
    CHECK_STATUS(lk_swap_model_info("/nowhere/model", &other, &err), LK_E_NOTFOUND, &err);
    void *data;
    size_t n;
    CHECK_OK(lk_file_read(l.model, (size_t)64 << 20, &data, &n, &err), &err);
    for (size_t cut = 0; cut < n; cut += n / 9) {
        CHECK_OK(lk_file_write_atomic(l.model, data, cut, &err), &err);
        CHECK_STATUS(lk_swap_model_open(l.model, l.world.source, l.world.target, 1, &m, &err), LK_E_FORMAT,
                     &err);
    }
    lk_free(data);
    /* Whole and bound to the right people, but with a width that the tensors do not have, or of a size that is none. */
    float one = 1;
    lk_named_tensor t = {.name = "enc.down1.bias", .dtype = "F32", .rank = 1, .dim = {1}, .data = &one,
                         .bytes = 4};
    const lk_grant *both[2] = {l.world.source, l.world.target};
    static lk_bind_info what;
    lk_bind_key *key = NULL;
    CHECK_OK(lk_bind_key_new(SWAP_MODEL_KIND, l.model, both, 2, &key, &err), &err);
    snprintf(what.detail, sizeof what.detail, "{\"format\":\"%s\",\"config\":\"32 8 24 8 4 1\"}", SWAP_MODEL_FORMAT);
    CHECK_OK(lk_vault_write(key, l.model, &what, &t, 1, "", NULL, &err), &err);
    CHECK_STATUS(lk_swap_model_open(l.model, l.world.source, l.world.target, 1, &m, &err), LK_E_FORMAT, &err);
    CHECK(!m, "a handle for a model that was refused");
    memcpy(strstr(what.detail, "32 8 24"), "99 8 24", 7);
    CHECK_OK(lk_vault_write(key, l.model, &what, &t, 1, "", NULL, &err), &err);
    CHECK_STATUS(lk_swap_model_info(l.model, &info, &err), LK_E_RANGE, &err);
    memcpy(strstr(what.detail, "swap-2"), "swap-9", 6);
    CHECK_OK(lk_vault_write(key, l.model, &what, &t, 1, "", NULL, &err), &err);
    CHECK_STATUS(lk_swap_model_info(l.model, &info, &err), LK_E_FORMAT, &err);
    lk_bind_key_free(&key);
    /* A plain file of tensors holds nobody's consent. */
    CHECK_OK(lk_safetensors_write(l.model, &t, 1, "{\"format\":\"likeness-swap-1\"}", &err), &err);
    CHECK_STATUS(lk_swap_model_open(l.model, l.world.source, l.world.target, 1, &m, &err), LK_E_FORMAT, &err);
    CHECK(strstr(err.message, "train it again"), "no remedy: %s", err.message);
    lk_grant_free(&eve);
    lesson_close(&l);
}

static const check_test tests[] = {{"learns", test_learns}, {"same_seed", test_same_seed},
                                   {"consent_at_entry", test_consent_at_entry},
                                   {"consent_withdrawn", test_consent_withdrawn}, {"options", test_options},
                                       {"base", test_base},
                                   {"model_files", test_model_files}};
CHECK_MAIN(tests)
