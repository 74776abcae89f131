/* label.c: the visible disclosure. On a picture too small for all the words fewer
 * are used; it never stays off.
 */
#include <math.h>
#include <string.h>

#include "mark/internal.h"

#define TEXT_MIN 11.0f     /* px: the smallest that reads without effort */
#define TEXT_SHARE 0.0375f /* of the picture's height: a plate is then 1/17 of it */
#define SHRINK_MIN 0.95f   /* rather fewer words than a plate below 1/18 of the height */
#define PLATE_ALPHA 0.72f  /* over white this leaves a contrast of 8 : 1 to the text */
#define TEXT_ALPHA 0.97f
#define ICON_SHARE 0.12f /* of the picture's height */
#define ICON_MIN 34.0f

static const float white[3] = {1, 1, 1};
static const float dark[3] = {0.04f, 0.05f, 0.06f};

static const char *const place_names[LK_LABEL_PLACES] = {"bottom-left", "bottom-right", "top-left",
                                                         "top-right", "lower-third"};
static const char *const style_names[LK_LABEL_STYLES] = {"plate", "band", "icon"};

const char *lk_label_place_name(lk_label_place p)
{
    return (unsigned)p < LK_LABEL_PLACES ? place_names[p] : "unknown";
}
const char *lk_label_style_name(lk_label_style s)
{
    return (unsigned)s < LK_LABEL_STYLES ? style_names[s] : "unknown";
}

static int find(const char *const *names, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(name, names[i])) return i;
    return -1;
}

int lk_label_place_parse(const char *name) { return find(place_names, LK_LABEL_PLACES, name); }
int lk_label_style_parse(const char *name) { return find(style_names, LK_LABEL_STYLES, name); }

/* --- words ------------------------------------------------------------------------------------- */

/* Words for an action, longest first, and the icon's; the last row is for any other. */
static const struct wording {
    const char *action, *words[4], *icon;
} wordings[] = {
    {"face swap", {"AI-made face - consented", "AI-made face", "AI-made", "AI"}, "MODIFIED"},
    {"contact sheet", {"AI-made face - consented", "AI-made face", "AI-made", "AI"}, "MODIFIED"},
    {"training preview", {"Synthetic preview", "Synthetic", "AI-made", "AI"}, "GENERATED"},
    {NULL, {"AI-made - consented", "AI-made", "AI", "AI"}, "GENERATED"},
};

static const struct wording *words_for(const char *action)
{
    size_t row = 0;
    while (wordings[row].action && strcmp(wordings[row].action, action)) row++;
    return &wordings[row];
}

static float padding(float text) { return roundf(0.4f * text); }
static int margin_of(float text) { return (int)(0.6f * text); }
static int plate_height(float text) { return (int)(1.1f * text + 1.2f * padding(text)) + 1; }

/* The text size that a picture of this height asks for. */
static float wanted_text(int height) { return fmaxf(roundf(TEXT_SHARE * (float)height), TEXT_MIN); }

/* The longest words that fit a plate into width x height at nearly the wanted size. The shortest must do at
 * any. */
static const char *choose(const struct wording *w, int width, int height, float *text)
{
    float want = fminf(*text, fmaxf((float)height / 1.6f, 4));
    for (int i = 0; i < 4; i++) {
        float takes = (float)lk_draw_text_width(want, w->words[i]) + 2 * padding(want);
        float fit = floorf(want * fminf(1, (float)width / takes));
        *text = fmaxf(fit, 4);
        if (fit >= SHRINK_MIN * want) return w->words[i];
    }
    return w->words[3];
}

/* --- where ------------------------------------------------------------------------------------- */

/* Even places: an edge then falls between chroma samples, not through them. */
static void put(label *l, int width, int height, lk_label_place place, int margin)
{
    int w = l->rgb.w, h = l->rgb.h;
    margin = LK_MIN(margin, LK_MIN(width - w, height - h) / 2);
    bool left = place == LK_LABEL_BOTTOM_LEFT || place == LK_LABEL_TOP_LEFT;
    bool top = place == LK_LABEL_TOP_LEFT || place == LK_LABEL_TOP_RIGHT;
    l->x = (left ? margin : width - w - margin) & ~1;
    l->y = (top ? margin : height - h - margin) & ~1;
    if (place == LK_LABEL_LOWER_THIRD) {
        l->x = ((width - w) / 2) & ~1;
        l->y = LK_MIN(height * 5 / 6 - h / 2, height - h) & ~1;
    }
}

static lk_status blank(int w, int h, int width, int height, label *l, lk_error *err)
{
    w = LK_MIN((w + 1) & ~1, width);
    h = LK_MIN((h + 1) & ~1, height);
    lk_status s = lk_image_new(w, h, 3, &l->rgb, err);
    if (s == LK_OK) s = lk_image_new(w, h, 1, &l->alpha, err);
    return s;
}

/* --- plate and band ------------------------------------------------------------------------------ */

/* The text's coverage is in alpha; it serves twice: as colour and as extra opacity. */
static void fill_plate(label *l)
{
    for (int i = 0; i < l->alpha.w * l->alpha.h; i++) {
        float c = l->alpha.data[i];
        for (int k = 0; k < 3; k++) l->rgb.data[3 * i + k] = dark[k] + c * (white[k] - dark[k]);
        l->alpha.data[i] = PLATE_ALPHA + c * (TEXT_ALPHA - PLATE_ALPHA);
    }
}

static lk_status make_plate(int width, int height, lk_label_place place, const struct wording *w, label *l,
                            lk_error *err)
{
    float text = wanted_text(height);
    const char *words = choose(w, width - 2 * margin_of(text), height, &text);
    float pad = padding(text);
    LK_TRY(blank(lk_draw_text_width(text, words) + 2 * (int)pad, plate_height(text), width, height, l, err));
    lk_draw_text(&l->alpha, pad, 0.6f * pad + 0.08f * text, text, words, white);
    fill_plate(l);
    put(l, width, height, place, margin_of(text));
    return LK_OK;
}

static lk_status make_band(int width, int height, lk_label_place place, const struct wording *w, label *l,
                           lk_error *err)
{
    float text = wanted_text(height);
    const char *words = choose(w, width * 9 / 10, height, &text); /* 5 % stays free at each side: overscan */
    float pad = padding(text);
    LK_TRY(blank(width, (int)(1.1f * text + 2.2f * pad), width, height, l, err));
    int room = width - lk_draw_text_width(text, words), side = width / 20;
    bool left = place == LK_LABEL_BOTTOM_LEFT || place == LK_LABEL_TOP_LEFT;
    int x = place == LK_LABEL_LOWER_THIRD ? room / 2 : left ? side : room - side;
    lk_draw_text(&l->alpha, (float)LK_CLAMP(x, 0, LK_MAX(room, 0)), 1.1f * pad + 0.08f * text, text, words,
                 white);
    fill_plate(l);
    put(l, width, height, place, 0);
    return LK_OK;
}

/* --- icon ------------------------------------------------------------------------------------------ */

/* How much of pixel (x, y) lies in a w x h rectangle with round corners. */
static float rounded(int x, int y, int w, int h, float radius)
{
    float dx = fmaxf(fabsf((float)x + 0.5f - 0.5f * (float)w) - 0.5f * (float)w + radius, 0);
    float dy = fmaxf(fabsf((float)y + 0.5f - 0.5f * (float)h) - 0.5f * (float)h + radius, 0);
    return LK_CLAMP(radius + 0.5f - sqrtf(dx * dx + dy * dy), 0.0f, 1.0f);
}

/* Text in the middle of a row, a little bolder than the font's own. */
static void draw_centred(lk_image *im, float y, float size, float bold, const char *text)
{
    float x = 0.5f * (float)(im->w - lk_draw_text_width(size, text));
    for (float b = -bold; b <= bold; b += fmaxf(bold, 1)) lk_draw_text(im, x + b, y, size, text, white);
}

/* The same, n pixels further in. */
static float inside(int x, int y, int w, int h, float radius, int n)
{
    bool out = x < n || y < n || x >= w - n || y >= h - n;
    return out ? 0 : rounded(x - n, y - n, w - 2 * n, h - 2 * n, fmaxf(radius - (float)n, 1));
}

/* Dark above with "AI" in white, white below with the word in dark; around it a white rim in a dark one, so
 * that it stands out from pictures of either kind. */
static void fill_icon(label *l, int split)
{
    int w = l->rgb.w, h = l->rgb.h, line = LK_MAX(1, (int)(0.025f * (float)h));
    float radius = 0.14f * (float)h;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            size_t i = (size_t)y * (size_t)w + (size_t)x;
            float c = l->alpha.data[i], rim = 1 - inside(x, y, w, h, radius, 2 * line);
            float ink = fmaxf(y < split ? c : 1 - c, rim) * inside(x, y, w, h, radius, line);
            for (int k = 0; k < 3; k++) l->rgb.data[3 * i + k] = dark[k] + ink * (white[k] - dark[k]);
            l->alpha.data[i] = TEXT_ALPHA * rounded(x, y, w, h, radius);
        }
}

static lk_status make_icon(int width, int height, lk_label_place place, const struct wording *words, label *l,
                           lk_error *err)
{
    float tall = fminf(fmaxf(roundf(ICON_SHARE * (float)height), ICON_MIN), (float)height);
    float word = fmaxf(roundf(0.26f * tall), 9);
    int wide = lk_draw_text_width(word, words->icon) + (int)word;
    bool has_word = wide <= width && tall >= ICON_MIN;
    if (!has_word) wide = LK_MIN((int)(1.1f * tall), width);
    LK_TRY(blank(wide, (int)tall, width, height, l, err));
    int h = l->rgb.h, split = has_word ? h - (int)(1.35f * word) : h;
    float letters = fminf(0.88f * (float)split, 0.7f * (float)l->rgb.w);
    /* Capitals fill the upper 10 of a line's 13 parts. */
    draw_centred(&l->alpha, 0.5f * ((float)split - letters * 10 / 13), letters, letters / 26, "AI");
    if (has_word) {
        float y = (float)split + 0.5f * ((float)(h - split) - word * 10 / 13) - 0.02f * tall;
        draw_centred(&l->alpha, y, word, 0, words->icon);
    }
    fill_icon(l, split);
    put(l, width, height, place, (int)(0.2f * tall));
    return LK_OK;
}

/* --- all styles ------------------------------------------------------------------------------------ */

lk_status mark_label_make(int width, int height, lk_label_place place, lk_label_style style,
                          const char *action, label *l, lk_error *err)
{
    static lk_status (*const make[LK_LABEL_STYLES])(int, int, lk_label_place, const struct wording *, label *,
                                                    lk_error *) = {make_plate, make_band, make_icon};
    *l = (label){.x = 0};
    if ((unsigned)place >= LK_LABEL_PLACES)
        return LK_FAIL(err, LK_E_ARG, "there is no label place number %d", (int)place);
    if ((unsigned)style >= LK_LABEL_STYLES)
        return LK_FAIL(err, LK_E_ARG, "there is no label style number %d", (int)style);
    lk_status s = make[style](width, height, place, words_for(action), l, err);
    if (s != LK_OK) mark_label_clear(l);
    return s;
}

void mark_label_clear(label *l)
{
    lk_image_clear(&l->rgb);
    lk_image_clear(&l->alpha);
    *l = (label){.x = 0};
}

int lk_label_strip(int width, int height)
{
    int strip = 0;
    /* The label grows with the picture that it is on, strip included: a few steps settle it. */
    for (int i = 0; i < 8; i++) {
        float text = wanted_text(height + strip);
        strip = plate_height(text) + 2 * margin_of(text) + 2;
    }
    return strip;
}
