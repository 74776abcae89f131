/* templates.c: do templates tell people apart, and where the lines go between "the same",
 * "a human must look" and "somebody else". Five sets of people whom the network never
 * saw. Strangers are only compared inside a set: another camera and light would make
 * it too easy. A set counts as much as any other, however many clips it has.
 */
#include "face/eval/templates.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROUP 5           /* Caltech photographs a template, as they come */
#define ENTRIES 256
#define FALSE_ACCEPT 0.001
#define FALSE_REJECT 0.015

enum { CALTECH, LONDON, ACTORS, GRID, TURNS, SETS };
static const char *const set_name[SETS] = {"Caltech, 5 photographs each", "London held-out, 1 photograph each",
                                           "actors A-D", "GRID", "head turns"};

typedef struct entry { lk_face_template t; int set, person; } entry;
typedef struct album { lk_eval *e; int count, refused; entry *all; } album;
typedef struct trial { float score, weight; int set; bool same; } trial; /* weight: of its set and kind, sum 1 each */
typedef struct trials { trial *all; int count, same[SETS], other[SETS]; } trials;

static entry *next(album *a, int set, int person, lk_error *err)
{
    if (a->count == ENTRIES) {
        LK_FAIL(err, LK_E_BUG, "more than %d templates in the face bench", ENTRIES);
        return NULL;
    }
    entry *e = &a->all[a->count];
    *e = (entry){.set = set, .person = person};
    return e;
}

/* --- photographs -------------------------------------------------------------------- */

static lk_status photograph(album *a, lk_template_builder *b, const char *path, lk_error *err)
{
    lk_image im = {0};
    lk_face f[16];
    int n = 0, big = 0;
    LK_TRY(lk_eval_picture(path, &im, err));
    lk_status s = lk_analyse_image(a->e->a, &im, f, (int)LK_COUNT(f), &n, err);
    for (int i = 1; i < n; i++)
        if (f[i].box.y1 - f[i].box.y0 > f[big].box.y1 - f[big].box.y0) big = i;
    if (s == LK_OK && n) s = lk_template_add_face(b, &f[big], &im, 0, err);
    lk_image_clear(&im);
    return s == LK_OK ? lk_eval_tick(a->e, "templates", err) : s;
}

/* Close the builder's template and begin anew; one with too few pictures is counted. */
static lk_status settle(album *a, lk_template_builder *b, int set, int person, lk_error *err)
{
    if (!b->tally.seen) return LK_OK;
    entry *e = next(a, set, person, err);
    if (!e) return LK_E_BUG;
    lk_status s = lk_template_finish(b, &e->t, err);
    if (s == LK_E_NOTFOUND) a->refused++, s = LK_OK;
    else if (s == LK_OK) a->count++;
    lk_template_options o = b->o;
    lk_template_clear(b);
    return s == LK_OK ? lk_template_begin(b, a->e->a, &o, err) : s;
}

static lk_status photographs(album *a, int set, const char *list, int group, lk_error *err)
{
    char path[1024], *line;
    void *text;
    size_t n;
    lk_template_builder b;
    lk_template_options o = lk_template_defaults();
    o.min_frames = LK_MIN(group, 3);
    lk_eval_path(a->e, path, "%s", list);
    LK_TRY(lk_file_read(path, 1 << 20, &text, &n, err));
    lk_status s = lk_template_begin(&b, a->e->a, &o, err);
    char *rest = text;
    int who = -1, in_group = 0;
    while (s == LK_OK && (line = strsep(&rest, "\n"))) {
        char file[64], role[32];
        int person = 0;
        bool london = set == LONDON;
        if (london) {
            if (sscanf(line, "%63[^,],%31[^,]", file, role) != 2 || strcmp(role, "devtest")) continue;
            person = atoi(file);
        } else if (sscanf(line, "%63[^,],%d,", file, &person) != 2) continue;
        if (person != who || in_group == group) s = settle(a, &b, set, who, err), in_group = 0;
        who = person;
        in_group++;
        lk_eval_path(a->e, path, london ? "faces_london/%s_neutral.jpg" : "faces_caltech/%s", file);
        if (s == LK_OK) s = photograph(a, &b, path, err);
        if (s != LK_OK || !london) continue;
        s = settle(a, &b, set, who, err);
        lk_eval_path(a->e, path, "faces_london/%s_smile.jpg", file);
        if (s == LK_OK) s = photograph(a, &b, path, err);
    }
    if (s == LK_OK) s = settle(a, &b, set, who, err);
    lk_template_clear(&b);
    lk_free(text);
    return s;
}

/* --- clips ---------------------------------------------------------------------------- */

/* The clip's tracks, each cut into `parts` stretches of time; track k is person + k. */
static lk_status clip(album *a, const char *path, int set, int person, int parts, lk_error *err)
{
    lk_face_clip whole;
    LK_TRY(lk_analyse_clip(a->e->a, path, &whole, a->e->o->cancel, NULL, err));
    lk_face_frame *copy = lk_calloc((size_t)whole.count, sizeof *copy);
    lk_track_template *t = lk_calloc((size_t)LK_MAX(whole.tracks, 1), sizeof *t);
    lk_status s = copy && t ? LK_OK : LK_FAIL(err, LK_E_NOMEM, "no memory for the faces of %s", path);
    for (int p = 0; p < parts && s == LK_OK; p++) {
        lk_face_clip part = whole;
        memcpy(copy, whole.frames, (size_t)whole.count * sizeof *copy);
        for (int64_t i = 0; i < whole.count; i++)
            if (i * parts / whole.count != p) copy[i].count = 0;
        part.frames = copy;
        s = lk_face_clip_templates(a->e->a, path, &part, NULL, t, a->e->o->cancel, NULL, err);
        for (int k = 0; k < whole.tracks && s == LK_OK; k++) {
            entry *e = next(a, set, person + k, err);
            if (!e) s = LK_E_BUG;
            else if (!t[k].t.frames) a->refused++;
            else e->t = t[k].t, a->count++;
        }
        if (s == LK_OK) s = lk_eval_tick(a->e, "templates", err);
    }
    lk_free(copy);
    lk_free(t);
    lk_face_clip_clear(&whole);
    return s;
}

static lk_status clips(album *a, lk_error *err)
{
    static const char *const turns[] = {"female-and-male", "female", "male"};
    char path[1024];
    lk_eval_names names;
    for (int k = 0; k < 4; k++) {
        lk_eval_path(a->e, path, "actors/actors/%c/train.mp4", 'A' + k);
        LK_TRY(clip(a, path, ACTORS, k, 4, err));
        lk_eval_path(a->e, path, "actors/actors/%c/perf.mp4", 'A' + k);
        LK_TRY(clip(a, path, ACTORS, k, 1, err));
    }
    for (int other = 0; other < 2; other++) {
        char folder[1024];
        lk_eval_path(a->e, folder, "grid/%s", other ? "other" : "s1");
        LK_TRY(lk_eval_list(folder, ".mpg", &names, err));
        lk_status s = LK_OK;
        for (int i = 0; i < names.count && s == LK_OK; i++) {
            lk_eval_path(a->e, path, "grid/%s/%s", other ? "other" : "s1", names.name[i]);
            s = clip(a, path, GRID, other ? 1 + i : 0, other ? 2 : 1, err);
        }
        lk_eval_names_free(&names);
        LK_TRY(s);
    }
    /* Who of the first clip is who in the others is not written down: each is compared with itself, later. */
    for (int i = 0; i < 3; i++) {
        lk_eval_path(a->e, path, "video_intel/head-pose-face-detection-%s.mp4", turns[i]);
        LK_TRY(clip(a, path, TURNS, 10 * i, 2, err));
    }
    return LK_OK;
}

/* --- trials ---------------------------------------------------------------------------- */

static int by_score(const void *a, const void *b)
{
    float x = ((const trial *)a)->score, y = ((const trial *)b)->score;
    return (x > y) - (x < y);
}

static lk_status compare_all(const album *a, trials *t, lk_error *err)
{
    memset(t, 0, sizeof *t);
    t->all = lk_calloc((size_t)a->count * (size_t)a->count / 2 + 1, sizeof *t->all);
    if (!t->all) return LK_FAIL(err, LK_E_NOMEM, "no memory for the face bench");
    for (int i = 0; i < a->count; i++)
        for (int j = i + 1; j < a->count; j++) {
            const entry *p = &a->all[i], *q = &a->all[j];
            bool same = p->person == q->person;
            if (p->set != q->set || (p->set == TURNS && !same && p->person / 10 != q->person / 10)) continue;
            trial *x = &t->all[t->count++];
            *x = (trial){.set = p->set, .same = same};
            LK_TRY(lk_face_template_compare(&p->t, &q->t, &x->score, err));
            (same ? t->same : t->other)[p->set]++;
        }
    /* True pairs: each set weighs alike. Strangers: each pair weighs alike. */
    for (int i = 0; i < t->count; i++)
        t->all[i].weight = t->all[i].same ? 1.0f / (float)t->same[t->all[i].set] : 1.0f;
    qsort(t->all, (size_t)t->count, sizeof *t->all, by_score);
    return LK_OK;
}

typedef struct lines { double eer; lk_face_thresholds at; } lines;

/* Where the lines go for all sets but one (`but` SETS: all). */
static lines draw_lines(const trials *t, int but)
{
    double same = 0, other = 0, below = 0, above, least = INFINITY;
    lines l = {.eer = NAN, .at = {NAN, NAN}};
    for (int i = 0; i < t->count; i++)
        if (t->all[i].set != but) *(t->all[i].same ? &same : &other) += t->all[i].weight;
    above = other;
    for (int i = 0; i < t->count; i++) {
        const trial *x = &t->all[i];
        if (x->set == but) continue;
        if (isnan(l.at.accept) && above / other <= FALSE_ACCEPT) l.at.accept = x->score;
        if (x->same && isnan(l.at.reject) && (below + x->weight) / same > FALSE_REJECT) l.at.reject = x->score;
        double miss = below / same, pass = above / other;
        if (fabs(miss - pass) < least) least = fabs(miss - pass), l.eer = 0.5 * (miss + pass);
        if (x->same) below += x->weight;
        else above -= x->weight;
    }
    if (isnan(l.at.accept) && t->count) l.at.accept = t->all[t->count - 1].score + 1e-3f;
    l.at.reject = fminf(l.at.reject, l.at.accept);
    return l;
}

typedef struct tally { double same, other, refused, grey, accepted, doubtful; } tally;

static void judge(const trials *t, int set, lk_face_thresholds at, tally *y)
{
    for (int i = 0; i < t->count; i++) {
        const trial *x = &t->all[i];
        if (set != SETS && x->set != set) continue;
        if (x->same) {
            y->same += x->weight;
            y->refused += x->score < at.reject ? x->weight : 0;
            y->grey += x->score >= at.reject && x->score < at.accept ? x->weight : 0;
        } else {
            y->other++;
            y->accepted += x->score >= at.accept;
            y->doubtful += x->score >= at.reject && x->score < at.accept;
        }
    }
}

static lk_status report(lk_eval *e, const trials *t, const lines *all, lk_error *err)
{
    char figure[160];
    int same = 0, other = 0;
    tally y = {0};
    for (int k = 0; k < SETS; k++) same += t->same[k], other += t->other[k];
    judge(t, SETS, all->at, &y);
    struct { const char *name; double value; const char *unit; int n; } row[] = {
        {"templates: equal error rate", 100 * all->eer, "%", same + other},
        {"templates: score that 0.1 % of strangers reach (accept)", (double)all->at.accept, "", other},
        {"templates: score that 1.5 % of true pairs miss (reject)", (double)all->at.reject, "", same},
        {"templates: true pairs not accepted", 100 * (y.grey + y.refused) / y.same, "%", same},
        {"templates: strangers left to a human", 100 * y.doubtful / y.other, "%", other},
    };
    for (size_t i = 0; i < LK_COUNT(row); i++)
        LK_TRY(lk_eval_report(e, "identity", row[i].name, row[i].value, row[i].unit, "", row[i].n, err));
    tally cross = {0};
    for (int k = 0; k < SETS; k++) {
        tally own = {0};
        judge(t, k, all->at, &own);
        judge(t, k, draw_lines(t, k).at, &cross);
        snprintf(figure, sizeof figure, "templates, %s: true pairs not accepted", set_name[k]);
        if (own.same > 0)
            LK_TRY(lk_eval_report(e, "identity", figure, 100 * (own.grey + own.refused) / own.same, "%", "", t->same[k], err));
    }
    LK_TRY(lk_eval_report(e, "identity", "templates, lines drawn by the other sets: strangers accepted",
                          100 * cross.accepted / cross.other, "%", "<= 0.1", other, err));
    LK_TRY(lk_eval_report(e, "identity", "templates, lines drawn by the other sets: true pairs not accepted",
                          100 * (cross.grey + cross.refused) / cross.same, "%", "", same, err));
    return lk_eval_report(e, "identity", "templates, lines drawn by the other sets: true pairs rejected",
                          100 * cross.refused / cross.same, "%", "<= 2", same, err);
}

lk_status lk_eval_templates(lk_eval *e, lk_face_thresholds *at, lk_error *err)
{
    album a = {.e = e, .all = lk_calloc(ENTRIES, sizeof *a.all)};
    trials t = {0};
    if (!a.all) return LK_FAIL(err, LK_E_NOMEM, "no memory for the face bench");
    lk_status s = photographs(&a, CALTECH, "faces_caltech/labels.csv", GROUP, err);
    if (s == LK_OK) s = photographs(&a, LONDON, "faces_london/roles.csv", 1, err);
    if (s == LK_OK) s = clips(&a, err);
    if (s == LK_OK) s = compare_all(&a, &t, err);
    if (s == LK_OK) {
        lines all = draw_lines(&t, SETS);
        if (at) *at = all.at;
        s = report(e, &t, &all, err);
    }
    if (s == LK_OK)
        s = lk_eval_report(e, "identity", "templates refused for too few clear pictures", a.refused, "", "",
                           a.count + a.refused, err);
    lk_free(t.all);
    lk_free(a.all);
    return s;
}
