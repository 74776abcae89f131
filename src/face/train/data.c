/* Loading the training pictures, and deciding who is held out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "face/train/data.h"

#define PHOTO_SIDE 420   /* px kept of a photograph: its face is about 200 px */
#define ACTOR_SIDE 232   /* px kept around an actor's face */
#define ACTOR_CONTEXT 2.2f
#define CLIP_STEP 5      /* every fifth frame of a clip, and each frame of a blink */
#define CLOSED 0.045f    /* eye opening; open eyes have about twice that */
#define HIDDEN_WEIGHT 0.6f

typedef struct loader {
    const char *dir;
    unsigned want;
    lk_face_data *d;
    const lk_cancel *cancel;
    lk_meter meter;
    lk_error *err;
} loader;

const char *lk_face_data_dir(const char *given)
{
    const char *env = getenv("LIKENESS_DATA");
    return given ? given : env && *env ? env : "../shared/data";
}

lk_example *lk_face_data_add(lk_face_data *d)
{
    if (d->count == d->capacity) {
        int cap = d->capacity ? d->capacity * 2 : 512;
        lk_example *all = lk_realloc(d->all, (size_t)d->capacity * sizeof *all, (size_t)cap * sizeof *all);
        if (!all) return NULL;
        d->all = all;
        d->capacity = cap;
    }
    lk_example *e = &d->all[d->count++];
    memset(e, 0, sizeof *e);
    e->identity = -1;
    for (int i = 0; i < LK_LANDMARKS; i++) e->weight[i] = 1;
    return e;
}

void lk_face_data_clear(lk_face_data *d)
{
    for (int i = 0; i < d->count; i++) {
        lk_pic_clear(&d->all[i].pic);
        lk_pic_clear(&d->all[i].mask);
    }
    lk_free(d->all);
    if (d->hasher) lk_hasher_finish(d->hasher);
    memset(d, 0, sizeof *d);
}

static lk_status no_memory(loader *l)
{
    return LK_FAIL(l->err, LK_E_NOMEM, "no memory for the training pictures");
}

static lk_status read_picture(loader *l, const char *path, lk_image *out)
{
    lk_reader *r = NULL;
    lk_frame *f = NULL;
    lk_status s = lk_reader_open(path, &r, l->err);
    if (s == LK_OK) s = lk_reader_next(r, &f, l->err);
    if (s == LK_END) s = LK_FAIL(l->err, LK_E_FORMAT, "%s holds no picture", path);
    if (s == LK_OK) s = lk_frame_to_image(f, out, l->err);
    lk_frame_unref(&f);
    lk_reader_close(&r);
    return s;
}

/* Shrink into the example, with its points, and add all to the fingerprint. */
static lk_status keep(loader *l, lk_example *e, const char *name, const lk_image *im, const lk_image *mask,
                      int max_side)
{
    LK_TRY(lk_pic_make(im, max_side, &e->pic, l->err));
    if (mask) LK_TRY(lk_pic_make(mask, max_side, &e->mask, l->err));
    float fx = (float)e->pic.w / im->w, fy = (float)e->pic.h / im->h;
    for (int i = 0; i < LK_LANDMARKS; i++) {
        e->lm[i].x = (e->lm[i].x + 0.5f) * fx - 0.5f;
        e->lm[i].y = (e->lm[i].y + 0.5f) * fy - 0.5f;
    }
    lk_hasher_add(l->d->hasher, name, strlen(name));
    lk_hasher_add(l->d->hasher, e->lm, sizeof e->lm);
    lk_hasher_add(l->d->hasher, e->pic.level[0], (size_t)e->pic.w * e->pic.h * e->pic.c);
    if (mask) lk_hasher_add(l->d->hasher, e->mask.level[0], (size_t)e->mask.w * e->mask.h);
    lk_meter_set(&l->meter, l->d->count, NULL);
    return lk_cancel_raised(l->cancel)
               ? LK_FAIL(l->err, LK_E_CANCELLED, "loading the training pictures was stopped")
               : LK_OK;
}

static bool read_points(const char *path, lk_point lm[LK_LANDMARKS])
{
    FILE *f = fopen(path, "r");
    if (!f) return false;
    int n = 0;
    while (n < LK_LANDMARKS && fscanf(f, "%f %f", &lm[n].x, &lm[n].y) == 2) n++;
    fclose(f);
    return n == LK_LANDMARKS;
}

static lk_status add_photo(loader *l, const char *path, const char *points, int identity, bool held)
{
    lk_image im = {0};
    lk_status s = read_picture(l, path, &im);
    if (s == LK_OK) {
        lk_example *e = lk_face_data_add(l->d);
        if (!e) s = no_memory(l);
        else {
            e->source = LK_SOURCE_PHOTO;
            e->whole = true;
            e->identity = identity;
            e->held = held;
            e->has_lm = points && read_points(points, e->lm);
            if (points && !e->has_lm) s = LK_FAIL(l->err, LK_E_FORMAT, "%s does not hold 68 points", points);
            else s = keep(l, e, lk_path_base(path), &im, NULL, PHOTO_SIDE);
        }
    }
    lk_image_clear(&im);
    return s;
}

static lk_status load_london(loader *l)
{
    char path[1024], points[1024], line[256];
    snprintf(path, sizeof path, "%s/faces_london/roles.csv", l->dir);
    FILE *roles = fopen(path, "r");
    if (!roles)
        return LK_FAIL(l->err, LK_E_NOTFOUND, "%s is missing; point LIKENESS_DATA at the data folder", path);
    lk_status s = LK_OK;
    int person = 0;
    while (s == LK_OK && fgets(line, sizeof line, roles)) {
        char id[32], role[32];
        if (sscanf(line, "%31[^,],%31[^,]", id, role) != 2 || strcmp(role, "train"))
            continue; /* devtest is held out */
        int identity = l->d->identities++;
        bool held = person++ % 12 == 5;
        if (l->want & LK_WANT_PHOTOS) {
            snprintf(path, sizeof path, "%s/faces_london/%s_neutral.jpg", l->dir, id);
            snprintf(points, sizeof points, "%s/faces_london/%s_neutral.pts68", l->dir, id);
            s = add_photo(l, path, points, identity, held);
        }
        if (s == LK_OK && (l->want & LK_WANT_SMILES)) {
            snprintf(path, sizeof path, "%s/faces_london/%s_smile.jpg", l->dir, id);
            s = add_photo(l, path, NULL, identity, held);
        }
    }
    fclose(roles);
    return s;
}

static bool only_jpg(const char *name)
{
    size_t n = strlen(name);
    return n > 4 && !strcmp(name + n - 4, ".jpg");
}

static lk_status load_canada(loader *l)
{
    char folder[1024], path[1400], points[1400];
    snprintf(folder, sizeof folder, "%s/faces_canada", l->dir);
    char **names = NULL;
    int n = 0;
    if (lk_dir_list(folder, only_jpg, &names, &n, NULL))
        return LK_FAIL(l->err, LK_E_NOTFOUND, "%s is missing; point LIKENESS_DATA at the data folder",
                       folder);
    lk_status s = LK_OK;
    for (int i = 0; i < n; i++) {
        if (s == LK_OK) {
            snprintf(path, sizeof path, "%s/%s", folder, names[i]);
            snprintf(points, sizeof points, "%.*s.pts68", (int)strlen(path) - 4, path);
            s = add_photo(l, path, points, l->d->identities++, false);
        }
    }
    lk_dir_list_free(names, n);
    return s;
}

/* Pictures without people: the first half by name; the second half is held out for the false-alarm figure. */
static lk_status load_caltech_noface(loader *l)
{
    char folder[1024], path[1400];
    snprintf(folder, sizeof folder, "%s/noface_caltech", l->dir);
    char **names = NULL;
    int n = 0;
    if (lk_dir_list(folder, only_jpg, &names, &n, NULL))
        return LK_FAIL(l->err, LK_E_NOTFOUND, "%s is missing; point LIKENESS_DATA at the data folder",
                       folder);
    lk_status s = LK_OK;
    for (int i = 0; i < n; i++) {
        if (s == LK_OK && i < n / 2) {
            lk_image im = {0};
            snprintf(path, sizeof path, "%s/%s", folder, names[i]);
            s = read_picture(l, path, &im);
            lk_example *e = s == LK_OK ? lk_face_data_add(l->d) : NULL;
            if (s == LK_OK && !e) s = no_memory(l);
            if (e) {
                e->source = LK_SOURCE_NOFACE;
                e->whole = true;
                s = keep(l, e, names[i], &im, NULL, PHOTO_SIDE);
            }
            lk_image_clear(&im);
        }
    }
    lk_dir_list_free(names, n);
    return s;
}

/* Lid distance over the distance of the outer eye corners, mean of both eyes. */
static float eye_opening(const lk_point lm[LK_LANDMARKS])
{
    static const int upper[] = {37, 38, 43, 44}, lower[] = {41, 40, 47, 46};
    float sum = 0;
    for (int i = 0; i < 4; i++)
        sum += hypotf(lm[upper[i]].x - lm[lower[i]].x, lm[upper[i]].y - lm[lower[i]].y) / 4;
    return sum / fmaxf(lk_face_interocular(lm), 1e-3f);
}

static void read_labels(const lk_json *o, lk_example *e)
{
    const lk_json *lm = lk_json_get(o, "lm");
    const char *vis = lk_json_string(o, "vis", "");
    if (!lm || lm->count != 2 * LK_LANDMARKS) return;
    const lk_json *v = lm->child;
    for (int i = 0; i < LK_LANDMARKS; i++) {
        e->lm[i].x = (float)v->number;
        v = v->next;
        e->lm[i].y = (float)v->number;
        v = v->next;
        if (strlen(vis) == LK_LANDMARKS && vis[i] == '0') e->weight[i] = HIDDEN_WEIGHT;
    }
    e->has_lm = true;
    const lk_json *pose = lk_json_get(o, "ypr");
    if (pose && pose->child) e->yaw = (float)pose->child->number;
    e->closed = eye_opening(e->lm) < CLOSED;
}

/* Palette masks: white is visible face, red an occluder; black-and-white ones are the same with no red. */
static lk_status read_mask(loader *l, const char *path, lk_image *mask)
{
    lk_image im = {0};
    LK_TRY(read_picture(l, path, &im));
    lk_status s = lk_image_new(im.w, im.h, 1, mask, l->err);
    for (int i = 0; s == LK_OK && i < im.w * im.h; i++) mask->data[i] = im.data[3 * i + 1] > 0.5f;
    lk_image_clear(&im);
    return s;
}

static lk_status add_still(loader *l, const lk_json *o, int identity)
{
    char path[1024];
    bool face = lk_json_number(o, "face", 0) != 0;
    const char *mask_name = lk_json_string(o, "mask", NULL);
    if (face ? !(l->want & LK_WANT_STILLS) || ((l->want & LK_WANT_MASKED_ONLY) && !mask_name)
             : !(l->want & LK_WANT_NOFACE))
        return LK_OK;
    lk_image im = {0}, mask = {0};
    snprintf(path, sizeof path, "%s/actors/stills/%s", l->dir, lk_json_string(o, "file", ""));
    lk_status s = read_picture(l, path, &im);
    if (s == LK_OK && mask_name) {
        snprintf(path, sizeof path, "%s/actors/stills/%s", l->dir, mask_name);
        s = read_mask(l, path, &mask);
    }
    lk_example *e = s == LK_OK ? lk_face_data_add(l->d) : NULL;
    if (s == LK_OK && !e) s = no_memory(l);
    if (e) {
        e->source = face ? LK_SOURCE_STILL : LK_SOURCE_NOFACE;
        e->whole = true;
        e->identity = face ? identity : -1;
        e->held = face && strstr("s013 s027 s039", lk_json_string(o, "id", "?")) != NULL;
        if (face) read_labels(o, e);
        s = keep(l, e, lk_json_string(o, "file", ""), &im, mask_name ? &mask : NULL, 256);
    }
    lk_image_clear(&im);
    lk_image_clear(&mask);
    return s;
}

static lk_status load_stills(loader *l)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/actors/stills/labels.jsonl", l->dir);
    void *text = NULL;
    size_t n = 0;
    LK_TRY(lk_file_read(path, 64u << 20, &text, &n, l->err));
    lk_arena *arena = NULL;
    lk_status s = lk_arena_new(&arena, 1 << 16);
    if (s != LK_OK) s = no_memory(l);
    int first = l->d->identities, most = -1;
    for (char *line = text; s == LK_OK && line && *line;) {
        char *end = strchr(line, '\n');
        size_t len = end ? (size_t)(end - line) : strlen(line);
        lk_json *o = NULL;
        lk_arena_clear(arena);
        if (len) s = lk_json_parse(line, len, arena, &o, l->err);
        if (s == LK_OK && o) {
            int number = 0; /* identities are called s000, s001... */
            if (sscanf(lk_json_string(o, "id", ""), "s%d", &number) == 1 && number > most) most = number;
            s = add_still(l, o, first + number);
        }
        line = end ? end + 1 : NULL;
    }
    if (l->want & LK_WANT_STILLS) l->d->identities = first + most + 1;
    lk_arena_free(arena);
    lk_free(text);
    return s;
}

static lk_status add_actor_frame(loader *l, const char *actor, const lk_frame *f, const lk_json *o,
                                 int identity)
{
    char path[1024];
    int index = (int)lk_json_number(o, "f", 0);
    snprintf(path, sizeof path, "%s/actors/actors/%s/train_mask/%04d.png", l->dir, actor, index);
    bool masked = index % 10 == 0 && lk_path_exists(path);
    if ((l->want & LK_WANT_MASKED_ONLY) && !masked) return LK_OK;
    lk_example *e = lk_face_data_add(l->d);
    if (!e) return no_memory(l);
    e->source = LK_SOURCE_ACTOR;
    e->identity = identity;
    e->held = index >= 1350; /* the end of the clip */
    read_labels(o, e);
    if (!e->has_lm || (index % CLIP_STEP && !e->closed)) {
        l->d->count--;
        return LK_OK;
    }
    lk_rect b = lk_face_box(e->lm);
    int side = (int)lrintf(fmaxf(b.x1 - b.x0, b.y1 - b.y0) * ACTOR_CONTEXT);
    int x = (int)lrintf((b.x0 + b.x1 - side) * 0.5f), y = (int)lrintf((b.y0 + b.y1 - side) * 0.5f);
    lk_image im = {0}, whole = {0}, mask = {0};
    lk_status s = lk_image_new(side, side, 3, &im, l->err);
    if (s == LK_OK) s = lk_frame_get_rgb(f, x, y, &im, l->err);
    if (s == LK_OK && masked) s = read_mask(l, path, &whole);
    if (s == LK_OK && masked) s = lk_image_new(side, side, 1, &mask, l->err);
    for (int yy = 0; s == LK_OK && masked && yy < side; yy++)
        for (int xx = 0; xx < side; xx++)
            if (y + yy >= 0 && y + yy < whole.h && x + xx >= 0 && x + xx < whole.w)
                mask.data[yy * side + xx] = whole.data[(y + yy) * whole.w + x + xx];
    for (int i = 0; i < LK_LANDMARKS; i++) e->lm[i].x -= (float)x, e->lm[i].y -= (float)y;
    snprintf(path, sizeof path, "%s/%04d", actor, index);
    if (s == LK_OK) s = keep(l, e, path, &im, masked ? &mask : NULL, ACTOR_SIDE);
    lk_image_clear(&im);
    lk_image_clear(&whole);
    lk_image_clear(&mask);
    return s;
}

static lk_status load_actor(loader *l, const char *actor)
{
    char path[1024];
    static const size_t line_max = 1 << 16;
    int identity = l->d->identities++;
    snprintf(path, sizeof path, "%s/actors/actors/%s/train.jsonl.gz", l->dir, actor);
    gzFile gz = gzopen(path, "rb");
    if (!gz)
        return LK_FAIL(l->err, LK_E_NOTFOUND, "%s is missing; point LIKENESS_DATA at the data folder", path);
    lk_reader *r = NULL;
    lk_arena *arena = NULL;
    char *line = lk_alloc(line_max);
    snprintf(path, sizeof path, "%s/actors/actors/%s/train.mp4", l->dir, actor);
    lk_status s = line && lk_arena_new(&arena, 1 << 16) == LK_OK ? LK_OK : no_memory(l);
    if (s == LK_OK) s = lk_reader_open(path, &r, l->err);
    if (s == LK_OK && !gzgets(gz, line, (int)line_max))
        s = LK_FAIL(l->err, LK_E_FORMAT, "%s has labels without a header", path);
    for (int64_t i = 0; s == LK_OK && gzgets(gz, line, (int)line_max); i++) {
        lk_frame *f = NULL;
        s = lk_reader_next(r, &f, l->err);
        if (s == LK_END) { s = LK_OK; break; }
        if (s == LK_OK) {
            lk_json *o = NULL;
            lk_arena_clear(arena);
            s = lk_json_parse(line, strlen(line), arena, &o, l->err);
            if (s == LK_OK) s = add_actor_frame(l, actor, f, o, identity);
        }
        lk_frame_unref(&f);
    }
    gzclose(gz);
    lk_reader_close(&r);
    lk_arena_free(arena);
    lk_free(line);
    return s;
}

lk_status lk_face_data_load(const char *dir, unsigned want, lk_face_data *out, const lk_cancel *cancel,
                            const lk_progress_sink *progress, lk_error *err)
{
    memset(out, 0, sizeof *out);
    loader l = {.dir = lk_face_data_dir(dir), .want = want, .d = out, .cancel = cancel, .err = err};
    lk_meter_init(&l.meter, progress, "load", "pictures", 0);
    if (lk_hasher_new(&out->hasher) != LK_OK) return no_memory(&l);
    lk_status s = LK_OK;
    if (want & (LK_WANT_PHOTOS | LK_WANT_SMILES)) s = load_london(&l);
    if (s == LK_OK && (want & LK_WANT_PHOTOS)) s = load_canada(&l);
    if (s == LK_OK && (want & (LK_WANT_STILLS | LK_WANT_NOFACE))) s = load_stills(&l);
    if (s == LK_OK && (want & LK_WANT_ACTORS)) s = load_actor(&l, "E");
    if (s == LK_OK && (want & LK_WANT_ACTORS)) s = load_actor(&l, "F");
    if (s == LK_OK && (want & LK_WANT_NOFACE)) s = load_caltech_noface(&l);
    out->fingerprint = lk_hasher_finish(out->hasher);
    out->hasher = NULL;
    lk_meter_finish(&l.meter, NULL);
    if (s != LK_OK) lk_face_data_clear(out);
    return s;
}
