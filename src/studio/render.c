/* render.c: the swap job: analyse the clip, choose the person, make the faces,
 * and let everything out through mark/.
 *
 * Two passes over the clip: the first finds and smooths landmarks over whole
 * tracks (which needs the future), the second renders. In the second, decoding and
 * marking run in threads of their own beside the rendering.
 */
#include "make/swap/swap.h"
#include "studio/made.h"
#include "studio/pick.h"
#include "studio/sheet.h"

#include <string.h>

lk_swap_job lk_swap_defaults(void)
{
    return (lk_swap_job){.track = -1, .color = "auto", .sharpen = -1, .grain = -1};
}

/* What the job holds while it runs. */
typedef struct job_state {
    lk_project *p;
    const lk_swap_job *job;
    lk_swap_info model_info;
    char model_path[1024];
    lk_grant *source, *target;
    lk_analyser *analyser;
    lk_face_clip clip;
    lk_pick pick;
    lk_swap_model *model;
    lk_swap_renderer *renderer;
    lk_reader *reader;
    lk_mark_video *mark;
    lk_sheet *sheet;
    made_check *check;
    lk_queue *decoded, *made;
    int64_t swapped;
} job_state;

typedef struct made_frame { lk_frame *frame; bool synthetic; } made_frame;

static void free_frame(void *item)
{
    lk_frame *f = item;
    lk_frame_unref(&f);
}

static void free_made(void *item)
{
    made_frame *m = item;
    lk_frame_unref(&m->frame);
    lk_free(m);
}

static lk_status decode_thread(void *user, lk_error *err)
{
    job_state *j = user;
    lk_status s;
    lk_frame *f = NULL;
    while ((s = lk_reader_next(j->reader, &f, err)) == LK_OK)
        if ((s = lk_queue_put(j->decoded, f)) != LK_OK) {
            lk_frame_unref(&f);
            break;
        }
    if (s == LK_END) lk_queue_close(j->decoded);
    else lk_queue_stop(j->decoded);
    return s == LK_END ? LK_OK : s;
}

static lk_status mark_thread(void *user, lk_error *err)
{
    job_state *j = user;
    lk_status s;
    void *item = NULL;
    while ((s = lk_queue_take(j->made, &item)) == LK_OK) {
        made_frame *m = item;
        s = lk_mark_video_frame(j->mark, m->frame, m->synthetic, err);
        free_made(m);
        if (s) break;
    }
    if (s != LK_END) lk_queue_stop(j->made);
    return s == LK_END ? LK_OK : s;
}

/* The wanted faces of frame i, in the order found; at most max. */
static int wanted_faces(const job_state *j, int64_t i, lk_face *out, int max)
{
    int n = 0;
    if (i >= j->clip.count) return 0;
    const lk_face_frame *ff = &j->clip.frames[i];
    for (int k = 0; k < ff->count && n < max; k++)
        if (lk_pick_has(&j->pick, ff->faces[k].track)) out[n++] = ff->faces[k];
    return n;
}

static lk_status render_one(job_state *j, lk_frame *in, int64_t i, lk_error *err)
{
    lk_face faces[8];
    int n = wanted_faces(j, i, faces, (int)LK_COUNT(faces));
    made_frame *m = lk_calloc(1, sizeof *m);
    if (!m) return LK_FAIL(err, LK_E_NOMEM, "no memory for frame %lld", (long long)i);
    lk_status s = LK_OK;
    if (n) s = lk_swap_render_frame(j->renderer, in, faces, n, &m->frame, err);
    else m->frame = lk_frame_ref(in);
    m->synthetic = n > 0;
    j->swapped += n > 0;
    if (!s && n) s = made_check_frame(j->check, m->frame, &faces[0], err);
    if (!s && n && j->sheet) s = lk_sheet_take(j->sheet, i, in, m->frame, err);
    if (!s && (s = lk_queue_put(j->made, m)) == LK_OK) return LK_OK;
    free_made(m);
    return s;
}

static lk_status render_all(job_state *j, const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err)
{
    lk_meter meter;
    lk_status s = LK_OK;
    void *item = NULL;
    int64_t i = 0;
    lk_meter_init(&meter, progress, "render", "frames", j->clip.count);
    while ((s = lk_queue_take(j->decoded, &item)) == LK_OK) {
        lk_frame *f = item;
        s = lk_cancel_raised(cancel) ? LK_FAIL(err, LK_E_CANCELLED, "rendering was stopped; nothing was written") : render_one(j, f, i, err);
        lk_frame_unref(&f);
        if (s) break;
        lk_meter_set(&meter, ++i, NULL);
    }
    if (s == LK_END) {
        lk_meter_finish(&meter, NULL);
        return LK_OK;
    }
    return s;
}

/* Run the three stages; the first real failure wins over the stops that it causes. */
static lk_status run_stages(job_state *j, const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err)
{
    lk_thread *decoder = NULL, *marker = NULL;
    lk_error decode_err = {0}, mark_err = {0};
    lk_status ds = LK_OK, ms = LK_OK;
    LK_TRY(lk_queue_new(&j->decoded, 4, err));
    LK_TRY(lk_queue_new(&j->made, 4, err));
    LK_TRY(lk_thread_start(&decoder, decode_thread, j, err));
    lk_status s = lk_thread_start(&marker, mark_thread, j, err);
    if (!s) s = render_all(j, cancel, progress, err);
    if (s) {
        lk_queue_stop(j->decoded);
        lk_queue_stop(j->made);
    } else {
        lk_queue_close(j->made);
    }
    ds = lk_thread_join(&decoder, &decode_err);
    if (marker) ms = lk_thread_join(&marker, &mark_err);
    if (ms && ms != LK_E_CANCELLED) { if (err) *err = mark_err; return ms; }
    if (ds && ds != LK_E_CANCELLED) { if (err) *err = decode_err; return ds; }
    return s ? s : ms ? ms : ds;
}

static lk_status get_grants(job_state *j, lk_error *err)
{
    LK_TRY(lk_grant_get(j->p->registry, j->model_info.source_subject, LK_USE_FACE_SOURCE, "swap", &j->source, err));
    return lk_grant_get(j->p->registry, j->model_info.target_subject, LK_USE_FACE_TARGET, "swap", &j->target, err);
}

/* The track that is the target's enrolled face. */
static lk_status pick_person(job_state *j, lk_error *err)
{
    lk_pick_who who = {.person = lk_grant_subject_name(j->target)};
    LK_TRY(match_template(j->p, j->analyser, lk_grant_subject_id(j->target), "swap", &who.face, err));
    LK_TRY(lk_analyser_thresholds(j->analyser, &who.limits, err));
    lk_status s = lk_pick_tracks(j->analyser, j->job->input, &j->clip, j->job->track, &who, &j->pick, err);
    if (s == LK_E_CONSENT) lk_refusal_note(j->p->registry, LK_REFUSED_MATCH, lk_grant_subject_id(j->target), LK_USE_FACE_TARGET, "swap");
    return s;
}

static lk_status render_options(const lk_swap_job *job, lk_swap_render_options *o, lk_error *err)
{
    *o = lk_swap_render_defaults();
    if (!job->color || !strcmp(job->color, "auto")) { /* as the defaults say */
    } else if (!strcmp(job->color, "none")) o->color = LK_COLOR_NONE;
    else if (!strcmp(job->color, "meanstd")) o->color = LK_COLOR_MEANSTD;
    else if (!strcmp(job->color, "lowfreq")) o->color = LK_COLOR_LOWFREQ;
    else return LK_FAIL(err, LK_E_ARG, "colour matching is auto, none, meanstd or lowfreq, not \"%s\"", job->color);
    if (job->sharpen >= 0) o->sharpen = (float)job->sharpen;
    if (job->grain >= 0) o->grain = (float)job->grain;
    return LK_OK;
}

/* What looks on while frames are made: the check of whom they show, and the contact sheet with four moments. */
static lk_status open_watchers(job_state *j, lk_error *err)
{
    int64_t with = 0, seen = 0, moments[LK_SHEET_MOMENTS];
    int n = 0;
    lk_face one[1];
    for (int64_t i = 0; i < j->clip.count; i++) with += wanted_faces(j, i, one, 1) > 0;
    LK_TRY(made_check_open(j->analyser, with, &j->check, err));
    if (!j->job->sheet) return LK_OK;
    for (int64_t i = 0; i < j->clip.count && n < LK_SHEET_MOMENTS; i++)
        if (wanted_faces(j, i, one, 1) && seen++ == (2 * n + 1) * with / (2 * LK_SHEET_MOMENTS)) moments[n++] = i;
    return lk_sheet_open(moments, n, &j->sheet, err);
}

static lk_status write_sheet(job_state *j, const lk_mark_origin *origin, lk_error *err)
{
    char path[1024];
    lk_dataset *d = NULL;
    lk_mark_origin o = *origin;
    o.action = "contact sheet";
    o.opened = NULL; /* put together from several pictures */
    if (!j->sheet) return LK_OK;
    LK_TRY(lk_project_dataset(j->p, lk_grant_subject_name(j->source), "source", path, err));
    if (lk_path_exists(path)) LK_TRY(lk_dataset_open(path, j->source, LK_USE_FACE_SOURCE, &d, err));
    lk_status s = lk_sheet_write(j->sheet, d, j->job->sheet, &o, err);
    lk_dataset_close(&d);
    return s;
}

static lk_status prepare(job_state *j, const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err)
{
    const lk_swap_job *job = j->job;
    lk_swap_render_options o;
    LK_TRY(lk_project_model(j->p, job->model, j->model_path, err));
    LK_TRY(lk_swap_model_info(j->model_path, &j->model_info, err));
    LK_TRY(get_grants(j, err));
    LK_TRY(render_options(job, &o, err));
    LK_TRY(lk_reader_open(job->input, &j->reader, err));
    LK_TRY(lk_analyser_open(NULL, &j->analyser, err));
    LK_TRY(lk_analyse_clip(j->analyser, job->input, &j->clip, cancel, progress, err));
    LK_TRY(pick_person(j, err));
    LK_TRY(lk_swap_model_open(j->model_path, j->source, j->target, 1, &j->model, err));
    LK_TRY(lk_swap_renderer_open(j->model, j->analyser, &o, &j->renderer, err));
    return open_watchers(j, err);
}

static void release(job_state *j)
{
    lk_mark_video_abort(&j->mark);
    lk_queue_free(j->decoded, free_frame);
    lk_queue_free(j->made, free_made);
    lk_sheet_close(&j->sheet);
    made_check_close(&j->check);
    lk_swap_renderer_close(&j->renderer);
    lk_swap_model_close(&j->model);
    lk_reader_close(&j->reader);
    lk_free(j->pick.wanted);
    lk_face_clip_clear(&j->clip);
    lk_analyser_close(&j->analyser);
    lk_grant_free(&j->source);
    lk_grant_free(&j->target);
}

lk_status lk_swap_run(lk_project *p, const lk_swap_job *job, lk_swap_result *out, const lk_cancel *cancel,
                      const lk_progress_sink *progress, lk_error *err)
{
    memset(out, 0, sizeof *out);
    int place = LK_LABEL_BOTTOM_LEFT, style = LK_LABEL_PLATE;
    if (job->label && (place = lk_label_place_parse(job->label)) < 0)
        return LK_FAIL(err, LK_E_ARG, "the label cannot stand at \"%s\"; see likeness swap --help", job->label);
    if (job->label_style && (style = lk_label_style_parse(job->label_style)) < 0)
        return LK_FAIL(err, LK_E_ARG, "there is no label of style \"%s\"; see likeness swap --help", job->label_style);
    if (!strcmp(job->input, job->output))
        return LK_FAIL(err, LK_E_ARG, "the output %s would replace the input; give another name", job->output);
    double start = lk_now();
    job_state *j = lk_calloc(1, sizeof *j);
    if (!j) return LK_FAIL(err, LK_E_NOMEM, "no memory for the swap of %s", job->input);
    j->p = p;
    j->job = job;
    lk_status s;
    lk_hash source_clip, output;
    LK_GOTO(done, prepare(j, cancel, progress, err));
    LK_GOTO(done, lk_hash_file(job->input, &source_clip, err));
    const lk_grant *grants[] = {j->source, j->target};
    const lk_use uses[] = {LK_USE_FACE_SOURCE, LK_USE_FACE_TARGET};
    const lk_hash parents[] = {j->model_info.hash, source_clip};
    lk_mark_desk *desk;
    lk_mark_cost cost;
    bool own_desk;
    /* By its hash: names of people stay in the project. */
    char model[LK_HASH_HEX + 32] = "face swap model ";
    lk_hash_hex(&j->model_info.hash, model + strlen(model));
    LK_GOTO(done, lk_project_desk(p, &desk, &own_desk, err));
    lk_mark_origin origin = {.registry = p->registry, .grants = grants, .uses = uses, .grant_count = 2, .parents = parents,
                             .parent_count = 2, .action = "face swap", .model_card = j->model_info.card, .desk = desk,
                             .opened = job->input, .model = model};
    lk_mark_video_spec spec = {.path = job->output, .like = lk_reader_info(j->reader), .audio_from = job->input, .crf = job->crf,
                               .place = (lk_label_place)place, .style = (lk_label_style)style};
    LK_GOTO(done, lk_mark_video_open(&spec, &origin, &j->mark, err));
    double render_start = lk_now();
    LK_GOTO(done, run_stages(j, cancel, progress, err));
    LK_GOTO(done, made_check_verdict(j->check, p, j->source, j->target, &out->likeness, err));
    LK_GOTO(done, lk_mark_video_finish(&j->mark, &output, &cost, err));
    double end = lk_now();
    LK_GOTO(done, write_sheet(j, &origin, err));
    lk_hash_hex(&output, out->output_hash);
    out->frames = j->clip.count;
    out->swapped = j->swapped;
    out->track = j->pick.best;
    out->seconds = end - start;
    out->marking_seconds = cost.watermark + cost.looks + cost.seal;
    out->frames_per_second = out->seconds > 0 ? (double)out->frames / out->seconds : 0;
    lk_log(2, "studio", "rendered %lld frames in %.2f s after %.2f s of analysis", (long long)out->frames, end - render_start, render_start - start);
done:
    release(j);
    lk_free(j);
    return s;
}
