/* enroll.h (studio): what enroll.c and enroll_checks.c share: one recording of one person, and what it shows. */
#ifndef LK_STUDIO_ENROLL_H
#define LK_STUDIO_ENROLL_H

#include "consent/enrol.h"
#include "face/template.h"
#include "likeness/enroll.h"
#include "studio/studio.h"
#include "voice/speaker.h"

typedef struct enroll_session {
    lk_project *p;
    const char *clip_path;
    lk_subject who;             /* id "": somebody to be protected */
    bool challenged;
    lk_challenge challenge;
    lk_analyser *analyser;
    lk_face_clip clip;
    bool has_face, has_voice;   /* the templates are there */
    lk_face_template face;
    float voice[LK_SPEAKER_EMBEDDING];
    lk_speaker *speaker;
    lk_audio sound;             /* LK_VOICE_RATE, mono; data NULL when the clip has none */
} enroll_session;

/* Can it be read at all, and does it show pictures or only sound? LK_OK, or why not. */
lk_status enroll_probe(const char *path, bool *picture, bool *sound, lk_error *err);
/* Look and listen: everything that the checks judge. The caller clears, also after a failure. */
lk_status enroll_look(enroll_session *s, const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err);
void enroll_clear(enroll_session *s);

typedef enum enroll_mark { ENROLL_NOTED, ENROLL_PASS, ENROLL_DOUBT, ENROLL_FAIL } enroll_mark;
typedef struct enroll_result {
    enroll_mark mark;
    double score;
    lk_refusal refusal;         /* of a failure */
    char said[200];
} enroll_result;
/* One row a check. challenge: only where there is one. */
typedef struct enroll_check {
    const char *name;
    bool challenge;
    lk_status (*run)(enroll_session *s, enroll_result *out, lk_error *err);
} enroll_check;
extern const enroll_check enroll_checks[];
extern const int enroll_check_count;

/* match.c: is this face or voice somebody's who is enrolled or protected, other than self (self_count of them)? The most alike, when at
 * least in the grey zone: LK_OK and *mark DOUBT or FAIL; PASS when nobody is near. */
typedef struct match_other { enroll_mark mark; lk_refusal refusal; double score; char who[160]; } match_other;
lk_status match_others(lk_project *p, lk_analyser *a, const lk_face_template *face_or_null, lk_speaker *speaker,
                       const float *voice_or_null, const lk_subject *self, int self_count, match_other *out, lk_error *err);
/* The enrolled template of a subject, for comparing footage with. Refuses as lk_enrol_get. */
lk_status match_template(lk_project *p, lk_analyser *a, const char *subject, const char *what_for, lk_face_template *out,
                         lk_error *err);

/* A name that somebody could answer to: two letters at least. */
bool match_reviewer(const char *name);

/* Voice templates in bytes: "LKV1", then the vector as little-endian floats. */
enum { MATCH_VOICE_BYTES = 4 + LK_SPEAKER_EMBEDDING * 4 };
void match_voice_write(const float v[LK_SPEAKER_EMBEDDING], uint8_t out[MATCH_VOICE_BYTES]);
bool match_voice_read(const uint8_t *b, size_t n, float v[LK_SPEAKER_EMBEDDING]);

#endif
