/* eval.h: how good the room is, on people and noises that its network never met (train/data.h says who they are).
 * eval/ holds one file a question; lk_voice_eval asks them all. Every row says over how many trials or frames.
 */
#ifndef LK_VOICE_EVAL_H
#define LK_VOICE_EVAL_H

#include "flow/flow.h"
#include "voice/speaker_net.h"

typedef struct lk_voice_row {
    const char *what;    /* group: "activity", "speaker" */
    const char *figure;
    double value;
    const char *unit;
    const char *target;  /* as text, "" when it is for information */
    int64_t n;           /* trials or frames behind it */
} lk_voice_row;
typedef lk_status (*lk_voice_row_fn)(void *user, const lk_voice_row *row, lk_error *err);

typedef struct lk_voice_eval_options {
    const char *data;       /* the folder with speech_librispeech/, grid/ and so on */
    const char *models_dir;
    const char *only;       /* NULL = all; else "activity" or "speaker" */
    const lk_cancel *cancel;
    const lk_progress_sink *progress;
} lk_voice_eval_options;
/* limits (may be NULL) gets the thresholds that were found, and *share the best weight of the statistics: what
 * lk_speaker_set stores. LK_E_NOTFOUND names what is missing of the data. */
lk_status lk_voice_eval(const lk_voice_eval_options *o, lk_voice_row_fn row, void *user, lk_speaker_limits *limits,
                        float *share, lk_error *err);

/* --- between the files of eval/ --- */

typedef struct lk_voice_asker {
    const lk_voice_eval_options *o;
    lk_voice_row_fn row;
    void *user;
} lk_voice_asker;
lk_status lk_voice_tell(const lk_voice_asker *a, const char *what, double value, const char *unit, const char *target,
                        int64_t n, lk_error *err, const char *fmt, ...) LK_PRINTF(8, 9);
lk_status lk_voice_eval_activity(const lk_voice_asker *a, lk_error *err);
lk_status lk_voice_eval_speaker(const lk_voice_asker *a, lk_speaker_limits *limits, float *share, lk_error *err);

/* in, with noise (repeated from sample `at` on) so that its mean power lies snr dB below that of in's speech. */
lk_status lk_voice_mix(lk_audio *in, const lk_audio *noise, int64_t at, double snr, lk_error *err);

/* Scores of true pairs and of strangers. */
typedef struct lk_trials { float *same, *other; int64_t ns, no, cap_s, cap_o; bool failed; } lk_trials;
void lk_trials_add(lk_trials *t, bool same, float score);
void lk_trials_sort(lk_trials *t);
void lk_trials_clear(lk_trials *t);
/* After sorting. Percent; the score that lets `share` of strangers pass; that below which `share` of true pairs lie;
 * percent of true pairs below a score, of strangers at or above it. */
double lk_trials_eer(const lk_trials *t);
float lk_trials_at_far(const lk_trials *t, double share);
float lk_trials_at_frr(const lk_trials *t, double share);
double lk_trials_frr(const lk_trials *t, float at);
double lk_trials_far(const lk_trials *t, float at);

#endif
