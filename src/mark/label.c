/* label.c: the visible label: light words on a dark translucent plate, small, in
 * a corner, always legible. On a picture too small for all the words fewer are
 * used; it never stays off.
 */
#include <math.h>
#include <string.h>

#include "mark/internal.h"

#define TEXT_MIN 11.0f /* px: the smallest that reads without effort */
#define TEXT_MAX 64.0f
#define TEXT_SHARE 0.036f /* of the shorter side */
#define PLATE_ALPHA 0.55f
#define TEXT_ALPHA 0.96f

static const char *const place_names[LK_LABEL_PLACES] = {"bottom-left", "bottom-right", "top-left",
                                                         "top-right", "lower-third"};

const char *lk_label_place_name(lk_label_place p)
{
    return (unsigned)p < LK_LABEL_PLACES ? place_names[p] : "unknown";
}

int lk_label_place_parse(const char *name)
{
    for (int i = 0; i < LK_LABEL_PLACES; i++)
        if (!strcmp(name, place_names[i])) return i;
    return -1;
}

/* Words for an action, longest first; the last row is for any other. */
static const struct {
    const char *action, *words[4];
} wordings[] = {
    {"face swap", {"AI-made face - consented", "AI-made face", "AI-made", "AI"}},
    {"contact sheet", {"AI-made face - consented", "AI-made face", "AI-made", "AI"}},
    {"training preview", {"Synthetic preview", "Synthetic", "AI-made", "AI"}},
    {NULL, {"AI-made - consented", "AI-made", "AI", "AI"}},
};

/* The longest wording that fits; a tiny picture gets the shortest in whatever height is left. */
static const char *choose(const char *action, int width, int height, float *text)
{
    size_t row = 0;
    while (wordings[row].action && strcmp(wordings[row].action, action)) row++;
    *text = roundf(LK_CLAMP(TEXT_SHARE * (float)LK_MIN(width, height), TEXT_MIN, TEXT_MAX));
    for (int i = 0; i < 4; i++)
        if ((float)lk_draw_text_width(*text, wordings[row].words[i]) + 2 * *text <= (float)width &&
            2 * *text <= (float)height)
            return wordings[row].words[i];
    const char *least = wordings[row].words[3];
    *text = fmaxf(4.0f, fminf((float)height / 1.6f,
                              *text * (float)width / (float)(lk_draw_text_width(*text, least) + 2)));
    return least;
}

lk_status mark_label_make(int width, int height, lk_label_place place, const char *action, label *l,
                          lk_error *err)
{
    static const float dark[3] = {0.04f, 0.05f, 0.06f}, white[3] = {1, 1, 1};
    *l = (label){.x = 0};
    if ((unsigned)place >= LK_LABEL_PLACES)
        return LK_FAIL(err, LK_E_ARG, "there is no label place number %d", (int)place);
    float text;
    const char *words = choose(action, width, height, &text);
    float pad = roundf(text * 0.4f);
    int w = LK_MIN(lk_draw_text_width(text, words) + 2 * (int)pad, width),
        h = LK_MIN((int)(text * 1.1f + 1.2f * pad), height);
    /* Even sides at even places: the plate's edge then falls between chroma samples, not through them. */
    w = LK_MIN((w + 1) & ~1, width);
    h = LK_MIN((h + 1) & ~1, height);
    int margin = LK_MIN((int)(0.6f * text), LK_MIN(width - w, height - h) / 2);
    bool left = place == LK_LABEL_BOTTOM_LEFT || place == LK_LABEL_TOP_LEFT;
    bool top = place == LK_LABEL_TOP_LEFT || place == LK_LABEL_TOP_RIGHT;
    l->x = (left ? margin : width - w - margin) & ~1;
    l->y = (top ? margin : height - h - margin) & ~1;
    if (place == LK_LABEL_LOWER_THIRD) {
        l->x = ((width - w) / 2) & ~1;
        l->y = LK_MIN(height * 5 / 6 - h / 2, height - h) & ~1;
    }
    lk_status s = lk_image_new(w, h, 3, &l->rgb, err);
    if (s == LK_OK) s = lk_image_new(w, h, 1, &l->alpha, err);
    if (s != LK_OK) {
        mark_label_clear(l);
        return s;
    }
    /* The text's own coverage serves twice: as colour and as extra opacity. */
    lk_draw_text(&l->alpha, pad, 0.6f * pad + 0.08f * text, text, words, white);
    for (int i = 0; i < w * h; i++) {
        float c = l->alpha.data[i];
        for (int k = 0; k < 3; k++) l->rgb.data[3 * i + k] = dark[k] + c * (white[k] - dark[k]);
        l->alpha.data[i] = PLATE_ALPHA + c * (TEXT_ALPHA - PLATE_ALPHA);
    }
    return LK_OK;
}

void mark_label_clear(label *l)
{
    lk_image_clear(&l->rgb);
    lk_image_clear(&l->alpha);
    *l = (label){.x = 0};
}
