/* made.c: the made identity against the consented one. A model is trained on one person's footage and can make no
 * other face on purpose; this catches what should not happen: footage that slipped through, a look-alike, a wrong model. */
#include "studio/made.h"

#include <string.h>

enum { LOOKED_AT = 16 };

struct made_check {
    lk_analyser *a;
    lk_template_builder builder;
    int64_t frames, seen;
    int taken;
};

lk_status made_check_open(lk_analyser *a, int64_t frames, made_check **out, lk_error *err)
{
    lk_template_options o = lk_template_defaults();
    o.min_frames = 1;
    o.min_sharp = 0; /* what is made is soft */
    *out = NULL;
    made_check *m = lk_calloc(1, sizeof *m);
    if (!m) return LK_FAIL(err, LK_E_NOMEM, "no memory to look at what is made");
    m->a = a;
    m->frames = frames;
    lk_status s = lk_template_begin(&m->builder, a, &o, err);
    if (s) lk_free(m);
    else *out = m;
    return s;
}

void made_check_close(made_check **m)
{
    if (!*m) return;
    lk_template_clear(&(*m)->builder);
    lk_free(*m);
    *m = NULL;
}

lk_status made_check_frame(made_check *m, const lk_frame *made, const lk_face *face, lk_error *err)
{
    lk_image rgb = {0};
    int64_t i = m->seen++;
    if (m->taken >= LOOKED_AT || i < (2 * m->taken + 1) * m->frames / (2 * LOOKED_AT)) return LK_OK;
    m->taken++;
    LK_TRY(lk_frame_to_image(made, &rgb, err));
    lk_status s = lk_template_add_face(&m->builder, face, &rgb, i, err);
    lk_image_clear(&rgb);
    return s;
}

/* Another name's enrolment; target too is somebody who agreed. */
static lk_status others(made_check *m, lk_project *p, const lk_face_template *made, const lk_grant *source, const lk_grant *target,
                        match_other *out, lk_error *err)
{
    lk_subject who[2];
    LK_TRY(lk_subject_find(p->registry, lk_grant_subject_id(source), &who[0], err));
    LK_TRY(lk_subject_find(p->registry, lk_grant_subject_id(target), &who[1], err));
    return match_others(p, m->a, made, NULL, NULL, who, 2, out, err);
}

lk_status made_check_verdict(made_check *m, lk_project *p, const lk_grant *source, const lk_grant *target, float *score, lk_error *err)
{
    lk_face_template made, agreed;
    match_other other;
    float like;
    lk_error why;
    if (score) *score = 0;
    lk_status s = lk_template_finish(&m->builder, &made, &why);
    if (s == LK_E_NOTFOUND) return LK_OK; /* no made face is large enough to be told from any other */
    if (s) {
        if (err) *err = why;
        return s;
    }
    LK_TRY(match_template(p, m->a, lk_grant_subject_id(source), "swap", &agreed, err));
    LK_TRY(lk_face_template_compare(&made, &agreed, &like, err));
    if (score) *score = like;
    LK_TRY(others(m, p, &made, source, target, &other, err));
    if (other.mark != ENROLL_FAIL || other.score <= (double)like) return LK_OK;
    lk_refusal_note(p->registry, LK_REFUSED_MADE, lk_grant_subject_id(source), LK_USE_FACE_SOURCE, "swap");
    return LK_FAIL(err, LK_E_CONSENT, "the made face looks like %s (score %.2f), more than like %s, who agreed (%.2f): nothing was written; "
                                      "look at the footage that the model was trained on (rule: made)",
                   other.who, other.score, lk_grant_subject_name(source), (double)like);
}
