/* import.c: from a clip or still to a dataset: analyse the whole clip, compare
 * its tracks with the subject's template, go through the frames again and keep those faces. */
#include "dataset/internal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct job {
    lk_dataset_builder *builder;
    lk_analyser *analyser;
    const lk_grant *grant;
    const lk_import_who *who;
    lk_use use;
    lk_import_report *report;
    const lk_cancel *cancel;
    const lk_progress_sink *progress;
    lk_image crop, mask; /* LK_SAMPLE_SIZE */
    double face_px;      /* summed, for the mean */
    int64_t seen;
} job;

/* --- who is who ------------------------------------------------------------------------------------------- */

static lk_track_is judge(const lk_import_who *who, const lk_track_template *t, float *score, lk_error *err, lk_status *s)
{
    *score = 0;
    if (t->t.frames < 1) return LK_TRACK_SHORT;
    *s = lk_face_template_compare(&who->face, &t->t, score, err);
    return *score >= who->limits.accept ? LK_TRACK_SAME : *score >= who->limits.reject ? LK_TRACK_DOUBT : LK_TRACK_OTHER;
}

/* False when the report is full. */
static bool tell(lk_import_report *r, int clip, int track, lk_track_is is, float score, const lk_track_template *t)
{
    r->tracks++;
    if (r->told == LK_IMPORT_TRACKS) return false;
    r->track[r->told++] = (lk_import_track){clip, track, is, score, t->frames, t->first_seconds, t->last_seconds};
    return true;
}

/* One decision a track; wanted[t] says which go in. The refusal names the first track in doubt, else how unlike the
 * most alike was. */
static lk_status choose_tracks(job *j, const char *path, int clip_number, const lk_face_clip *clip, int track, bool *wanted, lk_error *err)
{
    lk_track_template *t = lk_calloc((size_t)LK_MAX(clip->tracks, 1), sizeof *t);
    if (!t) return LK_FAIL(err, LK_E_NOMEM, "no memory for %d tracks of %s", clip->tracks, path);
    lk_status s = lk_face_clip_templates(j->analyser, path, clip, NULL, t, j->cancel, NULL, err);
    const char *name = lk_grant_subject_name(j->grant);
    int taken = 0, doubt = -1, best = -1;
    float doubt_score = 0, best_score = 0;
    for (int i = 0; i < clip->tracks && s == LK_OK; i++) {
        float score;
        lk_track_is is = judge(j->who, &t[i], &score, err, &s);
        if (s) break;
        const bool told = tell(j->report, clip_number, i, is, score, &t[i]);
        if (track >= 0 && i != track) continue;
        if (is == LK_TRACK_DOUBT && j->who->doubt_is_settled && !told) { /* a word that nobody could note does not count */
            s = LK_FAIL(err, LK_E_RANGE, "%s is past the %d faces that one import can list for a reviewer: import fewer or shorter "
                                         "clips at once, or sharper ones", path, LK_IMPORT_TRACKS);
            break;
        }
        if (is != LK_TRACK_SHORT && (best < 0 || score > best_score)) {
            best = i;
            best_score = score;
        }
        if (is == LK_TRACK_DOUBT && doubt < 0) {
            doubt = i;
            doubt_score = score;
        }
        wanted[i] = is == LK_TRACK_SAME || (is == LK_TRACK_DOUBT && j->who->doubt_is_settled);
        taken += wanted[i];
    }
    if (s == LK_OK && clip->tracks && track >= clip->tracks)
        s = LK_FAIL(err, LK_E_RANGE, "%s has tracks 0 to %d, not %d; see likeness faces", path, clip->tracks - 1, track);
    else if (s == LK_OK && doubt >= 0 && !j->who->doubt_is_settled)
        s = LK_FAIL(err, LK_E_CONSENT,
                    "track %d of %s (%.1f to %.1f s) may be %s or somebody else (score %.2f; sure from %.2f, somebody else below %.2f): look at "
                    "it with likeness faces --picture; if it is %s, say who looked with: --review 'THEIR NAME' (rule: match)",
                    doubt, path, t[doubt].first_seconds, t[doubt].last_seconds, name, (double)doubt_score, (double)j->who->limits.accept,
                    (double)j->who->limits.reject, name);
    else if (s == LK_OK && !taken && best >= 0)
        s = LK_FAIL(err, LK_E_CONSENT,
                    "%s does not show %s: the most alike of its faces (track %d) scores %.2f, somebody else's face up to %.2f; use footage "
                    "of %s (rule: match)", path, name, best, (double)best_score, (double)j->who->limits.reject, name);
    else if (s == LK_OK && !taken && clip->tracks > 0)
        s = LK_FAIL(err, LK_E_CONSENT, "no face of %s is clear enough to tell whether it is %s: use footage where %s is seen larger, more frontal "
                                       "or in better light (rule: match)", path, name, name);
    j->report->no_match = s == LK_E_CONSENT;
    lk_free(t);
    return s;
}

/* --- the frames ------------------------------------------------------------------------------------------------ */

static void note_face(job *j, const lk_face *f)
{
    lk_import_report *r = j->report;
    if (!j->seen) {
        r->yaw_min = r->yaw_max = f->yaw;
        r->pitch_min = r->pitch_max = f->pitch;
    }
    r->yaw_min = fminf(r->yaw_min, f->yaw);
    r->yaw_max = fmaxf(r->yaw_max, f->yaw);
    r->pitch_min = fminf(r->pitch_min, f->pitch);
    r->pitch_max = fmaxf(r->pitch_max, f->pitch);
    j->face_px += fmaxf(f->box.x1 - f->box.x0, f->box.y1 - f->box.y0);
    j->seen++;
}

static lk_status add_face(job *j, const lk_image *rgb, const lk_face *f, int frame, int clip, lk_error *err)
{
    if (f->quality < 0.2f) return LK_OK; /* landmarks that cannot be trusted would teach a wrong shape */
    lk_affine to_crop = lk_face_align(f->lm, LK_SAMPLE_SIZE, LK_SAMPLE_COVERAGE);
    lk_image_warp(rgb, &j->crop, lk_affine_invert(to_crop), LK_FILTER_BILINEAR, LK_BORDER_CLAMP);
    lk_status s = lk_face_mask(j->analyser, &j->crop, &j->mask, err);
    if (s == LK_E_NOTFOUND) return lk_dataset_builder_add(j->builder, rgb, f->lm, NULL, frame, clip, err);
    LK_TRY(s);
    return lk_dataset_builder_add(j->builder, rgb, f->lm, &j->mask, frame, clip, err);
}

static lk_status import_clip(job *j, const char *path, int clip_number, int track, lk_error *err)
{
    lk_face_clip clip = {0};
    lk_reader *reader = NULL;
    lk_image rgb = {0};
    lk_frame *frame = NULL;
    lk_hash hash;
    bool *wanted = NULL;
    LK_TRY(lk_hash_file(path, &hash, err));
    LK_TRY(lk_dataset_builder_source(j->builder, &hash, err));
    lk_analyser_reset(j->analyser);
    lk_status s = lk_analyse_clip(j->analyser, path, &clip, j->cancel, j->progress, err);
    if (s != LK_OK) goto done;
    wanted = lk_calloc((size_t)LK_MAX(clip.tracks, 1), sizeof *wanted);
    if (!wanted) {
        s = LK_FAIL(err, LK_E_NOMEM, "no memory for %d tracks of %s", clip.tracks, path);
        goto done;
    }
    LK_GOTO(done, choose_tracks(j, path, clip_number, &clip, track, wanted, err));
    LK_GOTO(done, lk_reader_open(path, &reader, err));
    lk_meter meter;
    lk_meter_init(&meter, j->progress, "import", "frames", clip.count);
    for (int64_t i = 0; i < clip.count; i++) {
        if (lk_cancel_raised(j->cancel)) {
            s = LK_FAIL(err, LK_E_CANCELLED, "import of '%s' was stopped; nothing was kept", path);
            goto done;
        }
        s = lk_reader_next(reader, &frame, err);
        if (s == LK_END) break;
        if (s != LK_OK) goto done;
        const lk_face_frame *ff = &clip.frames[i];
        bool with_face = false;
        for (int k = 0; k < ff->count; k++) {
            if (ff->faces[k].track < 0 || !wanted[ff->faces[k].track]) {
                j->report->other_faces++;
                continue;
            }
            if (with_face) continue; /* nobody is in a frame twice */
            with_face = true;
            note_face(j, &ff->faces[k]);
            if (!rgb.data) LK_GOTO(done, lk_frame_to_image(frame, &rgb, err));
            LK_GOTO(done, add_face(j, &rgb, &ff->faces[k], (int)i, clip_number, err));
        }
        lk_image_clear(&rgb);
        j->report->with_face += with_face;
        j->report->frames++;
        lk_frame_unref(&frame);
        lk_meter_set(&meter, i + 1, NULL);
    }
    s = LK_OK;
    lk_meter_finish(&meter, NULL);
done:
    lk_image_clear(&rgb);
    lk_frame_unref(&frame);
    lk_reader_close(&reader);
    lk_face_clip_clear(&clip);
    lk_free(wanted);
    return s;
}

lk_status lk_dataset_import(const lk_grant *g, lk_use use, const lk_import_who *who, lk_analyser *a, const char *const *paths,
                            int count, int track, int max_samples, const char *out_path, lk_hash *hash,
                            lk_import_report *report,
                            const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err)
{
    lk_import_report local;
    if (!report) report = &local;
    memset(report, 0, sizeof *report);
    if (count < 1) return LK_FAIL(err, LK_E_ARG, "nothing to import: name a clip or a still");
    job j = {.analyser = a, .grant = g, .use = use, .who = who, .report = report, .cancel = cancel, .progress = progress};
    lk_dataset *made = NULL;
    lk_status s = lk_dataset_builder_new(g, use, max_samples, &j.builder, err);
    if (s == LK_OK && !who)
        s = LK_FAIL(err, LK_E_CONSENT, "nobody has shown who %s is: footage cannot be compared with anything (rule: enrolment)",
                    lk_grant_subject_name(g));
    if (s == LK_OK) s = lk_image_new(LK_SAMPLE_SIZE, LK_SAMPLE_SIZE, 3, &j.crop, err);
    if (s == LK_OK) s = lk_image_new(LK_SAMPLE_SIZE, LK_SAMPLE_SIZE, 1, &j.mask, err);
    for (int i = 0; i < count && s == LK_OK; i++) s = import_clip(&j, paths[i], i, track, err);
    if (s == LK_OK && !j.seen)
        s = LK_FAIL(err, LK_E_NOTFOUND, "no face was found in '%s': use a clip where %s is seen larger or in "
                    "better light", paths[0], lk_grant_subject_name(g));
    if (s == LK_OK) s = lk_dataset_builder_finish(&j.builder, out_path, hash, err);
    if (s == LK_OK) s = lk_dataset_open(out_path, g, use, &made, err);
    if (s == LK_OK) {
        report->kept = made->count;
        report->mean_face_px = (float)(j.face_px / (double)j.seen);
        for (int i = 0; i < made->count; i++) report->blurred += lk_dataset_at(made, i).sharpness < 15.0f;
    }
    lk_dataset_close(&made);
    lk_dataset_builder_free(&j.builder);
    lk_image_clear(&j.crop);
    lk_image_clear(&j.mask);
    return s;
}
