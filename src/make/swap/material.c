/* material.c: from datasets to what is drawn: which samples train, which are held
 * out and never trained on, which are shown, and how often each is drawn. The two
 * entries of training are here. */
#include "make/swap/train.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HELD_OUT_MAX 32
#define SHOWN 8
#define TONES 64
#define NEIGHBOURS 3
#define BLINKS 0.12 /* share of draws with shut eyes, beside the 1.0 of the rest */

/* Frames that follow each other look alike, so whole seconds are held out, not single frames. */
static bool is_held_out(int i, int count) { return count < 200 ? i % 16 == 7 : i / 25 % 16 == 7; }

void swap_material_clear(swap_material *m)
{
    for (int k = 0; k < SWAP_SIDES; k++) {
        for (int g = 0; g < m->side[k].count; g++) lk_free(m->side[k].groups[g].items);
        lk_free(m->side[k].groups);
    }
    lk_free(m->people);
    lk_free(m->held_out);
    lk_free(m->shown);
    lk_free(m->tones);
    memset(m, 0, sizeof *m);
}

static lk_status no_memory(lk_error *err)
{
    return LK_FAIL(err, LK_E_NOMEM, "no memory to list the training pictures");
}

static lk_status add_group(swap_source *s, int capacity, double share, swap_group **out, lk_error *err)
{
    swap_group *grown = lk_realloc(s->groups, (size_t)s->count * sizeof *grown,
                                   (size_t)(s->count + 1) * sizeof *grown);
    if (!grown) return no_memory(err);
    s->groups = grown;
    *out = &s->groups[s->count];
    **out = (swap_group){.items = lk_calloc((size_t)LK_MAX(capacity, 1), sizeof(swap_item)), .share = share};
    if (!(*out)->items) return no_memory(err);
    s->count++;
    return LK_OK;
}

static void add_item(swap_group *g, int person, int sample)
{
    g->items[g->count++] = (swap_item){person, sample, person, sample};
}

/* Choose up to most of count, evenly; returns how many. */
static int spread(const swap_item *from, int count, int most, swap_item *out)
{
    int n = LK_MIN(count, most);
    for (int i = 0; i < n; i++) out[i] = from[(int64_t)i * count / n];
    return n;
}

/* Samples of people [first, first+count) split into training and held out; all: nothing is held out. */
static lk_status split(const swap_material *m, int first, int count, bool all, swap_group *train,
                       swap_group *held, lk_error *err)
{
    int total = 0;
    for (int p = first; p < first + count; p++) total += lk_dataset_count(m->people[p].data);
    *train = (swap_group){.items = lk_calloc((size_t)LK_MAX(total, 1), sizeof(swap_item))};
    *held = (swap_group){.items = lk_calloc((size_t)LK_MAX(total, 1), sizeof(swap_item))};
    if (!train->items || !held->items) return no_memory(err);
    for (int p = first; p < first + count; p++) {
        int n = lk_dataset_count(m->people[p].data);
        for (int i = 0; i < n; i++) add_item(!all && n >= 16 && is_held_out(i, n) ? held : train, p, i);
    }
    return LK_OK;
}

static lk_status keep_shown(swap_material *m, int side, const swap_group *from, lk_error *err)
{
    if (!m->shown) m->shown = lk_calloc(SWAP_SIDES * SHOWN, sizeof *m->shown);
    if (!m->shown) return no_memory(err);
    m->shown_count[side] = spread(from->items, from->count, SHOWN, m->shown + (side ? m->shown_count[0] : 0));
    return LK_OK;
}

static lk_status keep_tones(swap_material *m, const swap_group *from, lk_error *err)
{
    swap_item few[TONES];
    m->tones = lk_calloc(TONES, sizeof *m->tones);
    if (!m->tones) return no_memory(err);
    m->tone_count = spread(from->items, from->count, TONES, few);
    for (int i = 0; i < m->tone_count; i++) {
        lk_sample s = lk_dataset_at(m->people[few[i].seen_person].data, few[i].seen);
        swap_sample_tone(&s, m->tones[i]);
    }
    return LK_OK;
}

static lk_status keep_held_out(swap_material *m, const swap_group *held, lk_error *err)
{
    m->held_out = lk_calloc(HELD_OUT_MAX, sizeof *m->held_out);
    if (!m->held_out) return no_memory(err);
    m->held_out_count = spread(held->items, held->count, HELD_OUT_MAX, m->held_out);
    return LK_OK;
}

static lk_status gather(swap_material *m, lk_dataset *const *a, int na, lk_dataset *const *b, int nb,
                        const char *kind, lk_error *err)
{
    memset(m, 0, sizeof *m);
    m->people = lk_calloc((size_t)(na + nb), sizeof *m->people);
    lk_hasher *h = NULL;
    if (!m->people || lk_hasher_new(&h) != LK_OK) return no_memory(err);
    m->person_count = na + nb;
    lk_hasher_add(h, kind, strlen(kind));
    for (int i = 0; i < na + nb; i++) {
        m->people[i].data = i < na ? a[i] : b[i - na];
        m->people[i].side = i < na ? 0 : 1;
        lk_hash hash = lk_dataset_content(m->people[i].data);
        uint8_t role = i < na ? 0 : 1;
        lk_hasher_add(h, &role, 1);
        lk_hasher_add(h, &hash, sizeof hash);
    }
    m->fingerprint = lk_hasher_finish(h);
    return LK_OK;
}

/* --- samples of one person that look like those of another -------------------------------- */

typedef struct look { float v[5]; } look; /* yaw, pitch, mouth, eyes, brows, scaled so that 1 matters */

static float gap(const float *lm, int a, int b)
{
    return hypotf(lm[2 * a] - lm[2 * b], lm[2 * a + 1] - lm[2 * b + 1]);
}

static look look_of(const lk_sample *s)
{
    float eyes = fmaxf(gap(s->lm, 36, 45), 1.0f);
    return (look){{s->yaw / 8.0f, s->pitch / 8.0f, gap(s->lm, 62, 66) / eyes / 0.06f,
                   (gap(s->lm, 37, 41) + gap(s->lm, 43, 47)) / eyes / 0.06f,
                   gap(s->lm, 48, 54) / eyes / 0.06f}};
}

/* For each sample of the destination its nearest few of the source: what the source's decoder will have to
 * draw. */
static lk_status add_neighbours(swap_material *m, const swap_group *src, const swap_group *dst, double share,
                                lk_error *err)
{
    swap_group *g;
    LK_TRY(add_group(&m->side[0], dst->count * NEIGHBOURS, share, &g, err));
    look *looks = lk_alloc((size_t)LK_MAX(src->count, 1) * sizeof *looks);
    if (!looks) return no_memory(err);
    for (int i = 0; i < src->count; i++) {
        lk_sample s = lk_dataset_at(m->people[src->items[i].seen_person].data, src->items[i].seen);
        looks[i] = look_of(&s);
    }
    for (int k = 0; k < dst->count; k++) {
        lk_sample s = lk_dataset_at(m->people[dst->items[k].seen_person].data, dst->items[k].seen);
        look want = look_of(&s);
        float best[NEIGHBOURS];
        int at[NEIGHBOURS], n = 0;
        for (int i = 0; i < src->count; i++) {
            float d = 0;
            for (int q = 0; q < 5; q++) d += (looks[i].v[q] - want.v[q]) * (looks[i].v[q] - want.v[q]);
            if (n == NEIGHBOURS && d >= best[n - 1]) continue;
            int p = n < NEIGHBOURS ? n++ : n - 1;
            for (; p > 0 && best[p - 1] > d; p--) best[p] = best[p - 1], at[p] = at[p - 1];
            best[p] = d;
            at[p] = i;
        }
        for (int i = 0; i < n; i++) g->items[g->count++] = src->items[at[i]];
    }
    lk_free(looks);
    return LK_OK;
}

/* --- the two trainings ----------------------------------------------------------------------- */

lk_swap_train_options lk_swap_train_defaults(int size)
{
    return (lk_swap_train_options){.config = lk_swap_config_default(size), .minutes = 10, .batch = 8,
                                   .lr = 5e-4f, .gan_power = 0.1f, .dtype_auto = true,
                                       .checkpoint_seconds = 60, .preview_seconds = 20};
}

static lk_status check_people(lk_dataset *const *d, const lk_grant *const *g, int count, lk_use use,
                              const char *role, lk_error *err)
{
    if (count < 1 || !d || !g)
        return LK_FAIL(err, LK_E_CONSENT, "training needs a dataset and a grant for the %s", role);
    for (int i = 0; i < count; i++) {
        LK_TRY(lk_grant_check(g[i], use, err));
        if (strcmp(lk_dataset_subject(d[i]), lk_grant_subject_id(g[i])) ||
            strcmp(lk_dataset_record(d[i]), lk_grant_record_id(g[i])))
            return LK_FAIL(err, LK_E_CONSENT, "the %s's dataset is not what %s agreed to: import it under "
                           "the consent that is valid now", role,
                           lk_grant_subject_name(g[i]));
    }
    return LK_OK;
}

static lk_status one_subject(const lk_grant *const *g, int count, const char *role, lk_error *err)
{
    for (int i = 1; i < count; i++)
        if (strcmp(lk_grant_subject_id(g[0]), lk_grant_subject_id(g[i])))
            return LK_FAIL(err, LK_E_ARG, "all %s datasets of one model must show one person", role);
    return LK_OK;
}

static void free_group(swap_group *g) { lk_free(g->items); }

/* --- blinks ------------------------------------------------------------------------------------ */

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Eyes are shut in one frame of thirty: too seldom for a network that is trained for minutes, which then draws
 * them open for ever. Samples whose lids stand at less than half of the person's usual gap (the median of from) are
 * drawn more often. No such group where there are none. */
static lk_status add_blinks(swap_material *m, int side, const swap_group *from, double share, lk_error *err)
{
    swap_group *g;
    if (from->count < 16) return LK_OK;
    float *open = lk_alloc((size_t)from->count * 2 * sizeof *open);
    if (!open) return no_memory(err);
    float *sorted = open + from->count;
    int shut = 0;
    for (int i = 0; i < from->count; i++) {
        lk_sample s = lk_dataset_at(m->people[from->items[i].seen_person].data, from->items[i].seen);
        open[i] = sorted[i] = swap_eyes_open(s.lm);
    }
    qsort(sorted, (size_t)from->count, sizeof *sorted, ascending);
    float half = sorted[from->count / 2] * 0.5f;
    for (int i = 0; i < from->count; i++) shut += open[i] < half;
    lk_status s = LK_OK;
    /* One or two may be mistaken landmarks; where there are many the plain draw sees them anyway. */
    if (shut >= 3 && shut < share * from->count) {
        s = add_group(&m->side[side], shut, share, &g, err);
        for (int i = 0; i < from->count && s == LK_OK; i++)
            if (open[i] < half) g->items[g->count++] = from->items[i];
        if (s == LK_OK) lk_log(2, "swap", "side %d: %d of %d faces have their eyes shut", side, shut, from->count);
    }
    lk_free(open);
    return s;
}

static lk_status personal_material(swap_material *m, lk_dataset *const *src, int ns, lk_dataset *const *dst,
                                   int nd, lk_error *err)
{
    swap_group train = {0}, held = {0}, target = {0}, none = {0}, *g;
    lk_status s = gather(m, src, ns, dst, nd, "swap", err);
    if (s == LK_OK) s = split(m, 0, ns, false, &train, &held, err);
    if (s == LK_OK) s = split(m, ns, nd, true, &target, &none, err);
    if (s == LK_OK) s = add_group(&m->side[0], train.count, 0.6, &g, err);
    if (s == LK_OK) memcpy(g->items, train.items, (size_t)(g->count = train.count) * sizeof *g->items);
    if (s == LK_OK) s = add_neighbours(m, &train, &target, 0.4, err);
    if (s == LK_OK) s = add_group(&m->side[1], target.count, 1.0, &g, err);
    if (s == LK_OK) memcpy(g->items, target.items, (size_t)(g->count = target.count) * sizeof *g->items);
    if (s == LK_OK) s = add_blinks(m, 0, &train, BLINKS, err);
    if (s == LK_OK) s = add_blinks(m, 1, &target, BLINKS, err);
    if (s == LK_OK) s = keep_held_out(m, &held, err);
    if (s == LK_OK) s = keep_shown(m, 0, held.count ? &held : &train, err);
    if (s == LK_OK) s = keep_shown(m, 1, &target, err);
    if (s == LK_OK) s = keep_tones(m, &target, err);
    free_group(&train);
    free_group(&held);
    free_group(&target);
    free_group(&none);
    return s;
}

lk_status lk_swap_train(lk_dataset *const *src, const lk_grant *const *src_grants, int src_count,
                        lk_dataset *const *dst, const lk_grant *const *dst_grants, int dst_count,
                        const lk_swap_train_options *o, lk_swap_train_report *report,
                        const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err)
{
    LK_TRY(check_people(src, src_grants, src_count, LK_USE_FACE_SOURCE, "source", err));
    LK_TRY(check_people(dst, dst_grants, dst_count, LK_USE_FACE_TARGET, "target", err));
    LK_TRY(one_subject(src_grants, src_count, "source", err));
    LK_TRY(one_subject(dst_grants, dst_count, "target", err));
    swap_job j = {.o = o, .grants = {src_grants, dst_grants}, .grant_count = {src_count, dst_count},
                  .use = {LK_USE_FACE_SOURCE, LK_USE_FACE_TARGET}};
    lk_status s = personal_material(&j.material, src, src_count, dst, dst_count, err);
    if (s == LK_OK) s = swap_train_run(&j, report, cancel, progress, err);
    swap_material_clear(&j.material);
    return s;
}

/* Frames of two clips that show the same instant: what the base learns from them is that the picture of one
 * person and the face of another can have one code. */
static lk_status add_twins(swap_material *m, const lk_swap_twin *twins, int count, double share,
                           lk_error *err)
{
    swap_group *g;
    int most = 0;
    for (int t = 0; t < count; t++) {
        if (twins[t].seen < 0 || twins[t].seen >= m->person_count || twins[t].wanted < 0 ||
            twins[t].wanted >= m->person_count)
            return LK_FAIL(err, LK_E_ARG, "a pair of clips names a person who is not there");
        most += lk_dataset_count(m->people[twins[t].seen].data);
    }
    LK_TRY(add_group(&m->side[0], most, share, &g, err));
    for (int t = 0; t < count; t++) {
        const lk_dataset *a = m->people[twins[t].seen].data, *b = m->people[twins[t].wanted].data;
        int at = 0, n = lk_dataset_count(b);
        for (int i = 0; i < lk_dataset_count(a); i++) {
            lk_sample s = lk_dataset_at(a, i);
            if (s.clip != twins[t].seen_clip) continue;
            for (int k = 0; k < n; k++) {
                int j = (at + k) % n;
                lk_sample w = lk_dataset_at(b, j);
                if (w.clip != twins[t].wanted_clip || w.frame != s.frame) continue;
                g->items[g->count++] = (swap_item){twins[t].seen, i, twins[t].wanted, j};
                at = j;
                break;
            }
        }
    }
    return g->count ? LK_OK : LK_FAIL(err, LK_E_ARG, "the paired clips have no frame in common");
}

static lk_status base_material(swap_material *m, lk_dataset *const *people, int count,
                               const lk_swap_train_options *o, lk_error *err)
{
    swap_group train = {0}, held = {0}, all_held = {0}, *g;
    lk_status s = gather(m, people, count, NULL, 0, "base", err);
    int total = 0;
    for (int p = 0; p < count; p++) total += lk_dataset_count(people[p]);
    all_held.items = lk_calloc((size_t)LK_MAX(total, 1), sizeof *all_held.items);
    if (s == LK_OK && !all_held.items) s = no_memory(err);
    double shares = 0;
    /* Shares by the square root keep both the many people and the much material of two in sight. */
    for (int p = 0; p < count && s == LK_OK; p++) {
        s = split(m, p, 1, false, &train, &held, err);
        double share = sqrt((double)lk_dataset_count(people[p]));
        shares += share;
        if (s == LK_OK) s = add_group(&m->side[0], train.count, share, &g, err);
        if (s == LK_OK) memcpy(g->items, train.items, (size_t)(g->count = train.count) * sizeof *g->items);
        for (int i = 0; i < held.count && s == LK_OK; i++) all_held.items[all_held.count++] = held.items[i];
        free_group(&train);
        free_group(&held);
        train = held = (swap_group){0};
    }
    if (s == LK_OK && o->twin_count > 0) s = add_twins(m, o->twins, o->twin_count, shares * 0.2, err);
    if (s == LK_OK) s = keep_held_out(m, &all_held, err);
    if (s == LK_OK) s = keep_shown(m, 0, all_held.count ? &all_held : &m->side[0].groups[0], err);
    if (s == LK_OK) s = keep_tones(m, all_held.count ? &all_held : &m->side[0].groups[0], err);
    free_group(&all_held);
    return s;
}

lk_status lk_swap_train_base(lk_dataset *const *people, const lk_grant *const *grants, int count,
                             const lk_swap_train_options *o, lk_swap_train_report *report,
                             const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err)
{
    LK_TRY(check_people(people, grants, count, LK_USE_FACE_SOURCE, "base", err));
    if (count > SWAP_ID_UNITS)
        return LK_FAIL(err, LK_E_RANGE, "a base of %d people is more than %d", count, SWAP_ID_UNITS);
    swap_job j = {.o = o, .base = true, .grants = {grants, NULL}, .grant_count = {count, 0},
                  .use = {LK_USE_FACE_SOURCE, 0}};
    lk_status s = base_material(&j.material, people, count, o, err);
    if (s == LK_OK) s = swap_train_run(&j, report, cancel, progress, err);
    swap_material_clear(&j.material);
    return s;
}
