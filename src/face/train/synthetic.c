/* Made-up faces for tests: an ellipse with a dot at each point of the mean shape. */
#include <math.h>
#include <string.h>

#include "face/train/data.h"

#define SIDE 128

static lk_status draw(lk_example *e, bool face, int identity, lk_rng *r, lk_error *err)
{
    lk_image im = {0}, mask = {0};
    lk_status s = lk_image_new(SIDE, SIDE, 3, &im, err);
    if (s == LK_OK) s = lk_image_new(SIDE, SIDE, 1, &mask, err);
    if (s == LK_OK) {
        float back[3] = {lk_rng_uniform(r), lk_rng_uniform(r), lk_rng_uniform(r)};
        float skin[3] = {0.9f - 0.1f * (float)(identity % 4), 0.7f - 0.1f * (float)(identity / 4 % 4), 0.5f},
              dark[3] = {0.1f, 0.05f, 0.1f};
        lk_draw_fill(&im, 0, 0, SIDE, SIDE, back, 1);
        lk_face_mean_shape(SIDE, 1.8f, e->lm);
        lk_rect b = lk_face_box(e->lm);
        for (int y = 0; face && y < SIDE; y++)
            for (int x = 0; x < SIDE; x++) {
                float u = (2 * x - b.x0 - b.x1) / (b.x1 - b.x0), v = (2 * y - b.y0 - b.y1) / (b.y1 - b.y0);
                if (u * u + v * v > 1) continue;
                memcpy(im.data + (y * SIDE + x) * 3, skin, sizeof skin);
                mask.data[y * SIDE + x] = 1;
            }
        for (int i = 17; face && i < LK_LANDMARKS; i++) lk_draw_dot(&im, e->lm[i].x, e->lm[i].y, 2, dark);
        e->has_lm = face;
        e->identity = face ? identity : -1;
        s = lk_pic_make(&im, SIDE, &e->pic, err);
        if (s == LK_OK && face) s = lk_pic_make(&mask, SIDE, &e->mask, err);
    }
    lk_image_clear(&im);
    lk_image_clear(&mask);
    return s;
}

lk_status lk_face_data_synthetic(uint64_t seed, int count, lk_face_data *out, lk_error *err)
{
    memset(out, 0, sizeof *out);
    out->identities = 8;
    lk_status s = LK_OK;
    for (int i = 0; s == LK_OK && i < count; i++) {
        lk_rng r = lk_rng_at(seed, 9, 0, (uint64_t)i);
        lk_example *e = lk_face_data_add(out);
        if (!e) { s = LK_FAIL(err, LK_E_NOMEM, "no memory for the training pictures"); break; }
        e->source = (lk_example_source)(i % LK_SOURCES);
        e->whole = true;
        e->held = i >= count * 3 / 4;
        s = draw(e, e->source != LK_SOURCE_NOFACE, i % 8, &r, err);
    }
    out->fingerprint = lk_hash_bytes(&seed, sizeof seed);
    if (s != LK_OK) lk_face_data_clear(out);
    return s;
}
