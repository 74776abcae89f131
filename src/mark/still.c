/* still.c: a picture on its way out: a preview, a contact sheet, an analysis
 * picture. Marks in the pixels go on the copy before it is encoded, marks in the
 * file on the encoded bytes under a temporary name.
 */
#include <string.h>
#include <strings.h>

#include "mark/internal.h"
#include "media/writer.h"

static lk_status kind_of(const char *path, const char **kind, lk_error *err)
{
    const char *dot = strrchr(lk_path_base(path), '.');
    *kind = dot && !strcasecmp(dot, ".png")                                  ? "png"
            : dot && (!strcasecmp(dot, ".jpg") || !strcasecmp(dot, ".jpeg")) ? "jpg"
                                                                             : NULL;
    return *kind
               ? LK_OK
               : LK_FAIL(err, LK_E_ARG, "%s: a picture is written as .png or .jpg; choose such a name", path);
}

static void lay_over(lk_image *im, const label *l)
{
    for (int y = 0; y < l->rgb.h; y++)
        for (int x = 0; x < l->rgb.w; x++) {
            float a = l->alpha.data[(size_t)y * l->rgb.w + x];
            const float *c = l->rgb.data + ((size_t)y * l->rgb.w + x) * 3;
            float *p = im->data + ((size_t)(l->y + y) * im->w + l->x + x) * im->c;
            for (int k = 0; k < im->c; k++) p[k] += a * (c[k] - p[k]);
        }
}

/* Put the id into the picture and read it back. A small or flat picture hides little: what cannot be read is put in
 * again, louder, into a fresh copy; one that carries nothing at any loudness does not leave. */
static lk_status watermark(const lk_image *labelled, uint64_t id, lk_image *out, lk_error *err)
{
    static const double loudness[] = {0, 41, 38, 35, 32}; /* dB; 0 = as clips have it */
    wm_key key = wm_public_key();
    lk_status s = LK_OK;
    for (size_t i = 0; i < LK_COUNT(loudness) && s == LK_OK; i++) {
        wm_embedder *w = NULL;
        wm_detector *d = NULL;
        wm_found found = {.found = false};
        lk_image_clear(out);
        s = wm_embed_open(labelled->w, labelled->h, id, &key, loudness[i], &w, err);
        if (s == LK_OK) s = lk_image_copy(labelled, out, err);
        if (s == LK_OK) s = wm_embed_image(w, out, err);
        if (s == LK_OK) s = wm_detect_open(&key, &d, err);
        if (s == LK_OK) s = wm_detect_image(d, out, err);
        if (s == LK_OK) s = wm_detect_result(d, &found, err);
        wm_detect_close(&d);
        wm_embed_close(&w);
        if (s == LK_OK && found.found && found.id == id) return LK_OK;
    }
    return s ? s : LK_FAIL(err, LK_E_MARK, "a picture of %dx%d so flat or small carries no watermark that could be read again; make it larger",
                           labelled->w, labelled->h);
}

/* The labelled and watermarked copy, encoded with its tags. */
static lk_status encode(const origin *who, seal *marks, const lk_image *rgb, const char *kind, lk_label_place place,
                        void **data, size_t *n, lk_error *err)
{
    lk_image labelled = {0}, copy = {0};
    label plate = {.x = 0};
    tag_list tags = {.count = 0};
    lk_error why = {0};
    lk_status s = lk_image_copy(rgb, &labelled, err);
    if (s == LK_OK && who->synthetic) s = mark_label_make(rgb->w, rgb->h, place, LK_LABEL_PLATE, who->action, &plate, err);
    if (s == LK_OK && who->synthetic) lay_over(&labelled, &plate);
    if (s == LK_OK) {
        s = watermark(&labelled, marks->id, &copy, &why);
        if (s == LK_E_RANGE) s = LK_FAIL(&why, LK_E_MARK, "a picture of %dx%d is too small to carry a mark", rgb->w, rgb->h);
        if (s != LK_OK && err) *err = why;
    }
    if (s == LK_OK) s = lk_copies_hashes_image(marks->looks, &copy, err);
    if (s == LK_OK) s = mark_tags_make(who, &tags, err);
    if (s == LK_OK) s = lk_still_encode(&copy, kind, tags.pair, data, n, err);
    marks->marked = s == LK_OK;
    marks->watermark = MARK_WATERMARK_VIDEO;
    mark_tags_clear(&tags);
    mark_label_clear(&plate);
    lk_image_clear(&labelled);
    lk_image_clear(&copy);
    return s;
}

lk_status lk_mark_still(const char *path, const lk_image *rgb, bool synthetic, lk_label_place place,
                        const lk_mark_origin *from, lk_error *err)
{
    const char *kind;
    origin who;
    seal marks = {.marked = false};
    void *data = NULL;
    size_t n = 0;
    lk_hash hash;
    if (!path || !*path) return LK_FAIL(err, LK_E_ARG, "no name for the picture was given");
    LK_TRY(kind_of(path, &kind, err));
    LK_TRY(mark_origin_init(from, synthetic, &who, err));
    lk_status s = mark_seal_begin(&marks, &who, err);
    if (s == LK_OK) s = encode(&who, &marks, rgb, kind, place, &data, &n, err);
    if (s == LK_OK) s = mark_seal_bytes(&marks, &who, path, data, n, "", &hash, err);
    lk_free(data);
    mark_seal_clear(&marks);
    mark_origin_clear(&who);
    return s;
}
