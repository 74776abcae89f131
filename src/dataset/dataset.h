/* dataset: level 4. Aligned face samples of one consenting subject, kept in one
 * safetensors file, encrypted and bound to the consent record (vault.h); building, reading, coverage report. Refuses what no grant
 * covers: both building and opening demand one. May include base/, flow/,
 * media/, nn/ (for safetensors), consent/, face/. Start with build.c.
 *
 * A sample: RGB crop (u8) at lk_face_align(lm, LK_SAMPLE_SIZE, LK_SAMPLE_COVERAGE),
 * visible-face mask, 68 landmarks in crop pixels, pose, frame number, sharpness.
 */
#ifndef LK_DATASET_H
#define LK_DATASET_H

#include "consent/consent.h"
#include "face/face.h"
#include "face/template.h"

#define LK_SAMPLE_SIZE 160
#define LK_SAMPLE_COVERAGE 1.25f

typedef struct lk_sample {
    const uint8_t *rgb;   /* LK_SAMPLE_SIZE^2 * 3 */
    const uint8_t *mask;  /* LK_SAMPLE_SIZE^2, 0..255 visible face */
    const float *lm;      /* 136: x0,y0,... crop pixels */
    float yaw, pitch, roll;
    float sharpness;      /* variance of Laplacian in the face */
    float scale;          /* crop pixels per frame pixel: > 1 means the frame was smaller than the crop */
    int32_t frame;
    int32_t clip;         /* index of the clip within the dataset */
} lk_sample;

typedef struct lk_dataset lk_dataset;
typedef struct lk_dataset_builder lk_dataset_builder;

/* Building. use: LK_USE_FACE_SOURCE or LK_USE_FACE_TARGET. max_samples: beyond it the least useful
 * (near-duplicates in pose and expression, blurred) are thinned out; 0 = default 2000. */
lk_status lk_dataset_builder_new(const lk_grant *g, lk_use use, int max_samples, lk_dataset_builder **out,
                                 lk_error *err);
/* mask NULL: hull of the landmarks. frame: upright RGB of the whole picture; lm in its pixels. */
lk_status lk_dataset_builder_add(lk_dataset_builder *b, const lk_image *frame,
                                 const lk_point lm[LK_LANDMARKS], const lk_image *mask_crop, int frame_number,
                                     int clip, lk_error *err);
/* Name a file that samples come from; its SHA-256 is kept in the dataset's header ("sources"), at most 64. */
lk_status lk_dataset_builder_source(lk_dataset_builder *b, const lk_hash *file, lk_error *err);
lk_status lk_dataset_builder_finish(lk_dataset_builder **b, const char *path, lk_hash *hash, lk_error *err);
void lk_dataset_builder_free(lk_dataset_builder **b);

/* Who the footage must show: the enrolled template, and the lines between the same, doubt and somebody else. */
typedef struct lk_import_who {
    lk_face_template face;
    lk_face_thresholds limits;
    bool doubt_is_settled;   /* a named person has looked: tracks in doubt are taken */
} lk_import_who;

/* What a track of the footage is to that person. SHORT: no picture of it is clear enough to compare. */
typedef enum lk_track_is { LK_TRACK_SAME, LK_TRACK_DOUBT, LK_TRACK_OTHER, LK_TRACK_SHORT } lk_track_is;
typedef struct lk_import_track {
    int clip, track;
    lk_track_is is;
    float score;
    int64_t frames;
    double first_seconds, last_seconds;
} lk_import_track;
enum { LK_IMPORT_TRACKS = 256 };

typedef struct lk_import_report {
    int64_t frames, with_face, kept, other_faces;
    int tracks;              /* of all clips; the first LK_IMPORT_TRACKS are told one by one */
    lk_import_track track[LK_IMPORT_TRACKS];
    int told;
    bool no_match;           /* refused for what the footage shows */
    float yaw_min, yaw_max, pitch_min, pitch_max, mean_face_px;
    int blurred;
} lk_import_report;
/* A clip or still: analyse, compare each track with who it must be, and build from those that are (of the track given
 * alone, or -1 = all; max_samples as for lk_dataset_builder_new). Others are told, counted and left out. LK_E_CONSENT
 * (rule: match) when a clip shows nobody who is the same, or somebody who may be and nobody settled it; the report is
 * filled in all the same. Grants are checked again while it runs. */
lk_status lk_dataset_import(const lk_grant *g, lk_use use, const lk_import_who *who, lk_analyser *a, const char *const *paths,
                            int count, int track, int max_samples, const char *out_path, lk_hash *hash,
                            lk_import_report *report,
                            const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err);

/* Reading: the file's record id and subject must be the grant's. */
lk_status lk_dataset_open(const char *path, const lk_grant *g, lk_use use, lk_dataset **out, lk_error *err);
int lk_dataset_count(const lk_dataset *d);
lk_sample lk_dataset_at(const lk_dataset *d, int i); /* pointers live as long as d */
lk_hash lk_dataset_hash(const lk_dataset *d); /* of the whole file, for the lineage */
lk_hash lk_dataset_content(const lk_dataset *d); /* of the samples: the same when the same footage is imported again */
const char *lk_dataset_subject(const lk_dataset *d); /* ids that the file carries; equal to the grant's */
const char *lk_dataset_record(const lk_dataset *d);
/* What is covered: a text table of yaw x pitch bins, mouth and eye openness, light; advice in words on what
 * lacks. */
void lk_dataset_coverage(const lk_dataset *d, lk_text *out);
void lk_dataset_close(lk_dataset **d);

#endif
