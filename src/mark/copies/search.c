/* search.c: which registered files a file is a copy of.
 *
 * Four ways of looking, from certain to weak: the same bytes; sound that runs along; pictures that are near, frame
 * beside frame, and move alike; pictures that are near. Only the last is "looks alike": it may be another take.
 */
#include "mark/copies/align.h"
#include "mark/copies/sound.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_FINDS = 1 << 22,  /* near looks that are followed up; a query of a wall that everybody filmed stops here */
    MAX_GROUPS = 64,      /* files in one view that are compared in time */
    MAX_SOUNDS = 64,
    STILL_BITS = 10,      /* two pictures this near are copies ... */
    CLIP_STILL_BITS = 6   /* ... and so are two clips in which nothing moves. A picture and a clip are only alike: frames of
                             another take of the same scene are as near as two bits. */
};

const char *lk_copy_level_name(lk_copy_level l)
{
    return l == LK_COPY_SAME ? "same" : l == LK_COPY_SURE ? "copy" : "alike";
}

/* --- near looks ------------------------------------------------------------------------------------------------- */

typedef struct find {
    int32_t file, look;
    uint32_t place;
    uint8_t view, distance;
} find;

typedef struct finds {
    const copies_flat *flat;
    find *v;
    int count, cap, look, view;
    bool full;
} finds;

static lk_status keep_find(void *user, int64_t place, int distance)
{
    finds *f = user;
    if (f->count >= MAX_FINDS) {
        f->full = true;
        return LK_END;
    }
    void *grown = copies_grow(f->v, f->count, &f->cap, sizeof *f->v);
    if (!grown) return LK_E_NOMEM;
    f->v = grown;
    f->v[f->count++] = (find){f->flat->file[place], f->look, (uint32_t)place, (uint8_t)f->view, (uint8_t)distance};
    return LK_OK;
}

static lk_status near_looks(lk_copies *c, const lk_copies_hashes *q, finds *f, lk_error *err)
{
    f->flat = &c->flat;
    for (f->look = 0; f->look < q->look_count && !f->full; f->look++) {
        const copies_look *l = &q->looks[f->look];
        for (f->view = 0; f->view < PDQ_VIEWS && !f->full; f->view++) {
            lk_status s = c->index ? copies_index_find(c->index, &l->view[f->view], keep_find, f)
                                   : copies_scan(c->flat.hash, c->flat.count, &l->view[f->view], keep_find, f);
            if (s == LK_E_NOMEM) return copies_no_memory(err, "comparing clips");
        }
    }
    return LK_OK;
}

static int by_group(const void *pa, const void *pb)
{
    const find *a = pa, *b = pb;
    if (a->file != b->file) return a->file < b->file ? -1 : 1;
    if (a->view != b->view) return a->view < b->view ? -1 : 1;
    if (a->look != b->look) return a->look < b->look ? -1 : 1;
    return a->place < b->place ? -1 : a->place > b->place;
}

/* --- one file in one view ------------------------------------------------------------------------------------------ */

typedef struct group {
    int first, count; /* in finds */
    double seconds;   /* of the query with a near look, an upper bound */
    double distance;  /* mean over looks of the nearest */
} group;

/* Sorted finds: the nearest of each moment, and how much of the query those moments stand for. */
static void weigh(const lk_copies_hashes *q, const find *v, group *g)
{
    int moments = 0, nearest = 256;
    float last = -1, end = -1;
    double sum = 0;
    for (int i = g->first; i < g->first + g->count; i++) {
        const copies_look *l = &q->looks[v[i].look];
        if (l->begin > last) {
            if (nearest < 256) sum += nearest;
            nearest = 256;
            moments++;
            last = l->begin;
        }
        g->seconds += LK_MAX(l->end + 0.25 - LK_MAX(l->begin, end), 0.0);
        end = LK_MAX(end, l->end + 0.25f);
        nearest = LK_MIN(nearest, v[i].distance);
    }
    g->distance = (sum + nearest) / LK_MAX(moments, 1);
}

static int by_weight(const void *pa, const void *pb)
{
    const group *a = pa, *b = pb;
    double x = a->seconds * (40 - a->distance), y = b->seconds * (40 - b->distance);
    if (x != y) return x > y ? -1 : 1;
    return a->first < b->first ? -1 : a->first > b->first;
}

/* Which crop explains the finds best; pairs of looks that speak of another one are chance, and left out. */
static int make_pairs(const lk_copies_hashes *q, const copies_flat *flat, const find *v, int count, copies_pair *out, double *zoom)
{
    enum { BINS = 128, SPREAD = 2 }; /* hundredths of zoom from 0.5 on */
    double weight[BINS + 2 * SPREAD] = {0}, best = 0;
    int top = 50, kept = 0;
    for (int i = 0; i < count; i++) {
        const copies_look *l = &q->looks[v[i].look];
        double z = copies_zoom(flat->variant[v[i].place]) / copies_zoom(l->variant);
        out[i] = (copies_pair){l->begin, l->end, flat->begin[v[i].place], flat->end[v[i].place], (float)z, v[i].look, v[i].distance};
        int bin = LK_CLAMP((int)lrint((z - 0.5) * 100), 0, BINS - 1);
        for (int k = 0; k <= 2 * SPREAD; k++) weight[bin + k] += (LK_PDQ_NEAR + 1 - v[i].distance) * (SPREAD + 1 - abs(k - SPREAD));
    }
    for (int i = 0; i < BINS; i++)
        if (weight[i + SPREAD] > best * 1.0001) {
            best = weight[i + SPREAD];
            top = i;
        }
    *zoom = 0.5 + top / 100.0;
    for (int i = 0; i < count; i++)
        if (fabs(out[i].zoom - *zoom) < 0.025) out[kept++] = out[i];
    return kept;
}

/* The offset that most looks agree on: in the middle of equals nearest to running from the start together. */
static double voted_offset(const copies_votes *v)
{
    int best = 0;
    for (int k = 0; k < v->count; k++) {
        if (v->weight[k] < v->best - 1e-3f) continue;
        if (v->weight[best] < v->best - 1e-3f || abs(v->first + k) < abs(v->first + best)) best = k;
    }
    return v->count ? (double)(v->first + best) / COPIES_MOTION_RATE : 0;
}

/* Where the query was found, its share and the mean distance there. What moves together is certain; near looks beside
 * it lengthen it by up to a second. Without motion, near looks alone count. */
static void measure_cover(const copies_cover *c, const motion_fit *fit, bool sure, double total, lk_copy_match *m)
{
    int from = -1, to = -1, near = 0;
    double sum = 0;
    if (sure) {
        from = LK_CLAMP((int)floor(fit->begin * COPIES_MOTION_RATE), 0, c->slots - 1);
        to = LK_CLAMP((int)ceil(fit->end * COPIES_MOTION_RATE), from, c->slots - 1);
        int most = COPIES_MOTION_RATE; /* the ends, of which motion could not judge a second */
        for (int k = 0; k < most && from > 0 && c->near[from - 1]; k++) from--;
        for (int k = 0; k < most && to < c->slots - 1 && c->near[to + 1]; k++) to++;
    }
    for (int k = sure ? from : 0; k <= (sure ? to : c->slots - 1); k++) {
        if (!c->near[k]) continue;
        if (from < 0) from = k;
        if (!sure) to = k;
        near++;
        sum += c->near[k] - 1;
    }
    if (near) m->distance = sum / near;
    if (from < 0) return;
    m->query_begin = (double)from / COPIES_MOTION_RATE;
    m->query_end = LK_MIN((double)to / COPIES_MOTION_RATE, total);
    double seconds = sure ? m->query_end - m->query_begin : (near - 1) / (double)COPIES_MOTION_RATE;
    m->share = total > 0 ? LK_CLAMP(seconds / total, 0.0, 1.0) : 1;
}

/* How many of the query's moments the alignment explains: a moment has many hashes, of its parts, and counts once. */
static void count_moments(const lk_copies_hashes *q, const copies_pair *p, int count, double offset, lk_copy_match *m)
{
    float last = -1;
    for (int i = 0; i < q->look_count; i++) {
        m->of += q->looks[i].begin > last;
        last = LK_MAX(last, q->looks[i].begin);
    }
    last = -1;
    for (int i = 0; i < count; i++) { /* ascending, as looks are */
        double at = p[i].query_begin, to = p[i].query_end;
        bool inside = to >= m->query_begin - 0.26 && at <= m->query_end + 0.26;
        bool agrees = m->speed * at + offset <= p[i].entry_end + 0.5 && m->speed * to + offset >= p[i].entry_begin - 0.5;
        if (!inside || !agrees || p[i].query_begin <= last) continue;
        last = p[i].query_begin;
        m->hits++;
    }
}

/* A still stands for a moment of the entry: the middle of the nearest look. */
static double nearest_moment(const copies_pair *p, int count)
{
    int best = 0;
    for (int i = 1; i < count; i++)
        if (p[i].distance < p[best].distance) best = i;
    return count ? (p[best].entry_begin + p[best].entry_end) / 2 : 0;
}

static lk_status judge_moving(lk_copies *c, const lk_copies_hashes *q, int64_t id, int view, double zoom, const copies_pair *pairs,
                              int count, motion_fit *fit, lk_error *err)
{
    copies_motion *m = NULL;
    int n = 0;
    *fit = (motion_fit){.speed = 1};
    if (q->motion_count < 2) return LK_OK;
    LK_TRY(copies_motion_of(c, id, &m, &n, err));
    lk_status s = n >= 2 ? motion_align(q->motion, q->motion_count, view, zoom, m, n, pairs, count, fit, err) : LK_OK;
    lk_free(m);
    return s;
}

static lk_status judge_group(lk_copies *c, const lk_copies_hashes *q, const find *v, const group *g, lk_copy_match *m, lk_error *err)
{
    copies_pair *pairs = NULL;
    copies_votes votes = {0};
    copies_cover cover = {0};
    motion_fit fit;
    int64_t id = c->flat.file_id[v[g->first].file];
    double total = q->motion_count ? q->motion[q->motion_count - 1].seconds : 0, offset = 0;
    lk_status s;
    memset(m, 0, sizeof *m);
    m->by_looks = true;
    m->level = LK_COPY_ALIKE;
    m->view = v[g->first].view;
    m->turned = m->view != 0;
    m->speed = 1;
    LK_GOTO(done, copies_entry(c, id, &m->entry, err));
    pairs = lk_alloc((size_t)g->count * sizeof *pairs);
    if (!pairs) {
        s = copies_no_memory(err, "comparing clips");
        goto done;
    }
    int count = make_pairs(q, &c->flat, v + g->first, g->count, pairs, &m->zoom);
    LK_GOTO(done, judge_moving(c, q, id, m->view, m->zoom, pairs, count, &fit, err));
    m->motion = fit.compared ? fit.r : 0;
    bool sure = motion_is_copy(&fit, g->distance);
    if (sure) {
        m->level = LK_COPY_SURE;
        m->speed = fit.speed;
        offset = fit.offset;
    } else if (!q->motion_count) {
        offset = nearest_moment(pairs, count);
    } else {
        LK_GOTO(done, copies_vote(pairs, count, 1, &votes, err));
        offset = voted_offset(&votes);
    }
    LK_GOTO(done, copies_cover_make(pairs, count, m->speed, offset, total, &cover, err));
    m->distance = g->distance;
    m->query_end = total;
    measure_cover(&cover, &fit, sure, total, m);
    m->entry_begin = LK_MAX(m->speed * m->query_begin + offset, 0.0);
    count_moments(q, pairs, count, offset, m);
    if (!fit.compared) {
        bool query_clip = q->motion_count > 1, entry_clip = m->entry.duration > 0;
        int enough = query_clip != entry_clip ? -1 : query_clip ? CLIP_STILL_BITS : STILL_BITS;
        if (m->distance <= enough) m->level = LK_COPY_SURE;
    }
done:
    copies_cover_clear(&cover);
    copies_votes_clear(&votes);
    lk_free(pairs);
    return s;
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

typedef struct results {
    lk_copy_match *v;
    int64_t *id;
    int count, cap;
} results;

static bool better(const lk_copy_match *a, const lk_copy_match *b)
{
    if (a->level != b->level) return a->level > b->level;
    double x = a->share * (40 - a->distance) * (a->turned ? 0.98 : 1), y = b->share * (40 - b->distance) * (b->turned ? 0.98 : 1);
    return x > y;
}

/* Looks say more than sound where both say copy; where the picture is only alike, the sound says when. */
static void join(lk_copy_match *old, const lk_copy_match *m)
{
    bool replace = m->by_looks == old->by_looks ? better(m, old) : m->level > old->level || (m->level == old->level && m->by_looks);
    lk_copy_match first = replace ? *m : *old, second = replace ? *old : *m;
    first.by_sound |= second.by_sound;
    first.by_looks |= second.by_looks;
    first.sound_errors = LK_MAX(first.sound_errors, second.sound_errors);
    if (!replace || m->by_looks || !old->by_looks) {
        *old = first;
        return;
    }
    first.distance = second.distance;
    first.motion = second.motion;
    first.hits = second.hits;
    first.of = second.of;
    first.zoom = second.zoom;
    *old = first;
}

/* One row a file. */
static lk_status keep_match(results *r, int64_t id, const lk_copy_match *m, lk_error *err)
{
    for (int i = 0; i < r->count; i++) {
        if (r->id[i] != id) continue;
        if (!r->v[i].exact) join(&r->v[i], m);
        return LK_OK;
    }
    int cap = r->cap, cap2 = r->cap;
    void *v = copies_grow(r->v, r->count, &cap, sizeof *r->v);
    if (v) r->v = v;
    void *ids = v ? copies_grow(r->id, r->count, &cap2, sizeof *r->id) : NULL;
    if (ids) r->id = ids;
    if (!v || !ids) return copies_no_memory(err, "comparing clips");
    r->cap = cap;
    r->v[r->count] = *m;
    r->id[r->count++] = id;
    return LK_OK;
}

static lk_status find_exact(lk_copies *c, const lk_hash *file, results *r, lk_error *err)
{
    int64_t id = 0;
    lk_copy_match m = {.exact = true, .level = LK_COPY_SAME, .share = 1, .speed = 1, .zoom = 1};
    lk_status s = copies_id_of(c, file, &id, err);
    if (s == LK_END) return LK_OK;
    LK_TRY(s);
    LK_TRY(copies_entry(c, id, &m.entry, err));
    m.query_end = m.entry.duration;
    return keep_match(r, id, &m, err);
}

static lk_status find_looks(lk_copies *c, const lk_copies_hashes *q, results *r, lk_error *err)
{
    finds f = {0};
    group *groups = NULL;
    int count = 0;
    lk_copy_match *m = lk_alloc(sizeof *m);
    lk_status s = m ? near_looks(c, q, &f, err) : copies_no_memory(err, "comparing clips");
    if (s != LK_OK || !f.count) goto done;
    qsort(f.v, (size_t)f.count, sizeof *f.v, by_group);
    for (int i = 0; i < f.count; i++) count += !i || f.v[i].file != f.v[i - 1].file || f.v[i].view != f.v[i - 1].view;
    groups = lk_calloc((size_t)count, sizeof *groups);
    if (!groups) {
        s = copies_no_memory(err, "comparing clips");
        goto done;
    }
    for (int i = 0, g = -1; i < f.count; i++) {
        if (!i || f.v[i].file != f.v[i - 1].file || f.v[i].view != f.v[i - 1].view) groups[++g].first = i;
        groups[g].count++;
    }
    for (int g = 0; g < count; g++) weigh(q, f.v, &groups[g]);
    qsort(groups, (size_t)count, sizeof *groups, by_weight);
    for (int g = 0; g < LK_MIN(count, MAX_GROUPS) && s == LK_OK; g++) {
        s = judge_group(c, q, f.v, &groups[g], m, err);
        /* One frame in a long clip that is near another says nothing. */
        if (s == LK_OK && m->level == LK_COPY_ALIKE && m->hits * 4 < m->of) continue;
        if (s == LK_OK) s = keep_match(r, c->flat.file_id[f.v[groups[g].first].file], m, err);
    }
done:
    lk_free(m);
    lk_free(groups);
    lk_free(f.v);
    return s;
}

static lk_status find_sound(lk_copies *c, const lk_copies_hashes *q, results *r, lk_error *err)
{
    lk_sound_hit hits[MAX_SOUNDS];
    int count = 0;
    if (!q->sound_count || !c->sound) return LK_OK;
    LK_TRY(lk_sound_index_search(c->sound, q->sound, q->sound_count, hits, MAX_SOUNDS, &count, err));
    for (int i = 0; i < count; i++) {
        const lk_sound_run *run = &hits[i].run;
        lk_copy_match m = {.level = LK_COPY_SURE, .by_sound = true, .speed = 1, .zoom = 1};
        if (!run->found) continue;
        LK_TRY(copies_entry(c, hits[i].id, &m.entry, err));
        m.query_begin = run->query * LK_SOUND_FRAME;
        m.query_end = (run->query + run->words) * LK_SOUND_FRAME;
        m.entry_begin = run->ref * LK_SOUND_FRAME;
        m.share = (double)run->words / q->sound_count;
        m.sound_errors = run->errors;
        LK_TRY(keep_match(r, hits[i].id, &m, err));
    }
    return LK_OK;
}

lk_status lk_copies_search(lk_copies *c, const lk_copies_hashes *query, const lk_hash *file_or_null, lk_copy_match *out, int max,
                           int *count, lk_error *err)
{
    results r = {0};
    *count = 0;
    LK_TRY(copies_load(c, err));
    lk_status s = file_or_null ? find_exact(c, file_or_null, &r, err) : LK_OK;
    if (s == LK_OK && query) s = find_sound(c, query, &r, err);
    if (s == LK_OK && query) s = find_looks(c, query, &r, err);
    for (; s == LK_OK && *count < LK_MIN(max, r.count); ++*count) { /* selection: there are few, and the best come first */
        int best = *count;
        for (int i = best + 1; i < r.count; i++)
            if (r.v[i].exact > r.v[best].exact || (r.v[i].exact == r.v[best].exact && better(&r.v[i], &r.v[best]))) best = i;
        lk_copy_match m = r.v[best];
        r.v[best] = r.v[*count];
        out[*count] = r.v[*count] = m;
    }
    lk_free(r.v);
    lk_free(r.id);
    return s;
}
