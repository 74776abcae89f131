/* make/swap: level 5. The face-swap craft: the df-ud autoencoder (shared encoder,
 * one decoder a person, mask head), its training and its rendering. May include
 * base/, flow/, media/, tensor/, nn/, consent/, face/, dataset/. Never encodes:
 * frames and preview pictures go up to studio/, which hands them to mark/.
 * Start with net.c (the model), then train.c, then render.c.
 *
 * Cited: DeepFaceLab (Perov et al. 2020), PatchGAN (Isola et al. 2017),
 * DSSIM (Wang et al. 2004), Laplacian blending (Burt & Adelson 1983).
 */
#ifndef LK_SWAP_H
#define LK_SWAP_H

#include "dataset/dataset.h"
#include "nn/nn.h"

/* --- model ---------------------------------------------------------------------- */

typedef struct lk_swap_config {
    int size;                /* 64, 96 or 128 px */
    int enc, ae, dec, mask;  /* widths; default 32 128 32 16 */
    float coverage;          /* of the crop, default 1.0 (lk_face_align) */
} lk_swap_config;
lk_swap_config lk_swap_config_default(int size);

/* --- training --------------------------------------------------------------------- */

typedef struct lk_swap_preview { lk_image sheet; int64_t step; } lk_swap_preview; /* rows: source, its copy, destination, its copy, swap */
/* The same instants seen with two faces: frames of equal number of clip seen_clip of person `seen` and of clip wanted_clip
 * of person `wanted` (indices into the people of a base). */
typedef struct lk_swap_twin { int seen, seen_clip, wanted, wanted_clip; } lk_swap_twin;
typedef struct lk_swap_train_options {
    lk_swap_config config;
    const char *base;         /* safetensors of the shipped base, NULL = from scratch */
    const char *model_path;   /* result: weights of the averaged (EMA) model */
    const char *work_path;    /* checkpoint; resumed from when it is there and resume is true */
    bool resume;
    double minutes;           /* wall budget (all phases); 0 = by steps */
    int64_t steps;            /* step budget, 0 = by minutes */
    int batch;                /* faces of each side a step, default 8 */
    int batch_target;         /* faces of the destination a step where they are to be fewer; 0 = batch */
    float lr;                 /* highest rate, default 5e-4; rises over 30 steps, falls along a cosine to zero */
    float gan_power;          /* last phase, default .1; 0 = no adversarial phase */
    uint64_t seed;
    lk_dtype dtype; bool dtype_auto;
    int threads;
    int checkpoint_seconds;   /* default 60 */
    int preview_seconds;      /* default 20 */
    lk_status (*preview)(void *user, const lk_swap_preview *p, lk_error *err); void *preview_user;
    const lk_swap_twin *twins; int twin_count; /* base only: clips that show the same instants, may be NULL */
} lk_swap_train_options;
lk_swap_train_options lk_swap_train_defaults(int size);

typedef struct lk_swap_train_report { int64_t steps; double minutes, images_per_second; float loss_train, loss_held_out, ssim_held_out; bool stopped_early; lk_hash model_hash, data_fingerprint; char card[2048]; /* JSON */ } lk_swap_train_report;
/* src: the face to put on; dst: the performance that gets it (its own frames are the best material).
 * Grants: FACE_SOURCE for each src, FACE_TARGET for each dst; checked at every checkpoint. */
lk_status lk_swap_train(lk_dataset *const *src, const lk_grant *const *src_grants, int src_count,
                        lk_dataset *const *dst, const lk_grant *const *dst_grants, int dst_count,
                        const lk_swap_train_options *o, lk_swap_train_report *report,
                        const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err);
/* The base: one encoder and one decoder on many consenting or synthetic people. */
lk_status lk_swap_train_base(lk_dataset *const *people, const lk_grant *const *grants, int count,
                             const lk_swap_train_options *o, lk_swap_train_report *report,
                             const lk_cancel *cancel, const lk_progress_sink *progress, lk_error *err);

/* Speed of the training step, measured on random pictures for about `seconds`: nobody's likeness is involved. */
typedef struct lk_swap_bench {
    int size, batch;               /* batch: of each of the two sides */
    int64_t steps;
    double images_per_second, gflops; /* forward + backward counted as 3 x forward */
    double forward, loss, backward, optimise; /* share of the time, sums to 1 */
    double gflop_per_image;        /* forward + backward */
    size_t memory;                 /* of networks and weights, bytes */
    lk_dtype dtype;
} lk_swap_bench;
lk_status lk_swap_bench_train(const lk_swap_config *config, int batch, double seconds, lk_dtype dtype, lk_swap_bench *out,
                              const lk_cancel *cancel, lk_error *err);

/* --- model for rendering ------------------------------------------------------------ */

typedef struct lk_swap_model lk_swap_model;
typedef struct lk_swap_info {
    lk_swap_config config;
    char source_subject[37], source_record[37], target_subject[37], target_record[37];
    lk_hash hash;             /* of the file */
    lk_hash weights;          /* of what is in it: two trainings that went the same way have the same */
    lk_hash training_root;    /* over the datasets that it was trained on */
    lk_hash studio;           /* public key of the studio that it is bound to */
    int64_t made, expires;    /* Unix seconds */
    char card[2048];
} lk_swap_info;
/* Read the header only (no likeness is loaded), for `model show` and for asking for the right grants. Opening the model
 * vouches for it; until then it is what the file claims. */
lk_status lk_swap_model_info(const char *path, lk_swap_info *out, lk_error *err);
/* source must cover the subject that the model was trained on. batch: faces at once (1..8). */
lk_status lk_swap_model_open(const char *path, const lk_grant *source, const lk_grant *target, int batch, lk_swap_model **out, lk_error *err);
void lk_swap_model_close(lk_swap_model **m);
const lk_swap_config *lk_swap_model_config(const lk_swap_model *m); /* lives as long as m */
int lk_swap_model_batch(const lk_swap_model *m);                    /* faces at once, as opened */
/* How far the performer's eyes are shut by these landmarks (any scale), 0..1; 0 when the model has not learned to blink. */
float lk_swap_model_shut(const lk_swap_model *m, const lk_point lm[LK_LANDMARKS]);
/* Aligned crops (size x size RGB at config.coverage) in, made face and its mask out, n <= batch. shut: one number a face
 * by lk_swap_model_shut, NULL = as the network sees it. */
lk_status lk_swap_model_run(lk_swap_model *m, const lk_image *crops, int n, const float *shut, lk_image *faces, lk_image *masks,
                            lk_error *err);

/* --- rendering ------------------------------------------------------------------------ */

typedef enum lk_swap_color { LK_COLOR_NONE, LK_COLOR_MEANSTD /* Reinhard, masked, in Lab */, LK_COLOR_LOWFREQ /* low frequencies of the frame's own light */, LK_COLORS } lk_swap_color;
typedef struct lk_swap_render_options {
    lk_swap_color color; float color_amount;   /* 0..1 */
    float light_sigma;                         /* LK_COLOR_LOWFREQ: Gaussian, fraction of the crop */
    float mask_erode, mask_feather;            /* fractions of the crop */
    float face_scale;                          /* size of the made face in the frame's head, .8 to 1.25, default 1: the crop
                                                  knows proportions only, not which of two people has the larger head */
    float sharpen;                             /* 0..1: match the frame's sharpness (mouth and eyes) */
    float grain;                               /* 0..1: match the frame's grain */
    int pyramid_levels;                        /* Laplacian blend; 0 = plain alpha */
} lk_swap_render_options;
lk_swap_render_options lk_swap_render_defaults(void);

typedef struct lk_swap_renderer lk_swap_renderer;
/* analyser: for the visible-face mask (occlusions); may be NULL (then only the model's and the hull's masks count). */
lk_status lk_swap_renderer_open(lk_swap_model *m, lk_analyser *analyser, const lk_swap_render_options *o, lk_swap_renderer **out, lk_error *err);
void lk_swap_renderer_close(lk_swap_renderer **r);
/* A new frame reference with the face put on each of faces (their landmarks in this frame's pixels; track numbers key
 * what is steadied over time, -1 = not steadied). count 0 gives the frame itself. Frames come in order; after a jump
 * call lk_swap_renderer_reset. Coded samples outside the masks stay bit-exact. No allocation of its own once a frame
 * with as many and as large faces has been seen. Same frames, same options: same bytes, whatever the thread count. */
lk_status lk_swap_render_frame(lk_swap_renderer *r, const lk_frame *f, const lk_face *faces, int count, lk_frame **out, lk_error *err);
void lk_swap_renderer_reset(lk_swap_renderer *r); /* a cut, a seek or a new clip: forget the steadied statistics */

/* Contact sheet, rows x columns of pictures (source, destination, result, perhaps truth; one row a moment), each scaled
 * into a cell of cell_w x cell_h without distortion. cells[row * columns + column]; an empty picture (w 0) leaves its
 * cell blank. column_names, row_names and title may be NULL. out is allocated here; it leaves through mark/ only. */
lk_status lk_swap_contact_sheet(const lk_image *cells, int rows, int columns, int cell_w, int cell_h, const char *title,
                                const char *const *column_names, const char *const *row_names, lk_image *out, lk_error *err);

/* --- measuring ---------------------------------------------------------------------------- */

/* Region: the 96 px crop that lk_face_align puts on the truth's landmarks (coverage 1, sampled bilinearly), inside the
 * hull of those 68 points eroded by 2 % of the crop. SSIM: Gaussian window 11 px, sigma 1.5, C1 .01^2, C2 .03^2, mean over R, G, B of the
 * coded values 0..1; PSNR: over R, G, B together. Both averaged over frames. */
typedef struct lk_swap_score {
    int frames;                    /* compared */
    double ssim, psnr;             /* of the result, dB */
    double ssim_untouched, psnr_untouched; /* of the destination as filmed: only what lies above it was achieved */
    double ssim_min;               /* worst frame */
    double id_source, id_dest;     /* mean cosine to the source actor and to the destination actor */
    double id_margin_min;          /* least of (source - dest) over the frames */
    double landmark_error;         /* mean distance of our landmarks on the result to the truth's labels / inter-ocular */
    double landmark_floor;         /* the same on the truth clip: what our landmarks themselves err */
    double mouth_corr;             /* correlation of mouth opening, result against labels */
    double flicker_landmarks, flicker_luma; /* mean |second difference| in time, ratio to truth's own (1 = as steady) */
    double seam_mean, seam_p95;    /* delta E 2000 of the step across the mask edge, beyond the truth's own step */
    int missed;                    /* frames in which no face was found in the result where the truth has one */
} lk_swap_score;
/* result, truth, untouched: clips of equal length; truth_landmarks: [frames][68] of the truth (from its labels), so that the
 * region does not depend on our own detector. a NULL: pixel measures only (identity, landmark fields NAN). source_ref and
 * dest_ref: embeddings of the two actors, NULL = no identity. Pixels under the visible label that mark/ draws: see
 * label_box (x0,y0,x1,y1 in frame pixels, NULL = none), they are left out of the region. */
lk_status lk_swap_score_clip(lk_analyser *a, const char *result, const char *truth, const char *untouched,
                             const lk_point (*truth_landmarks)[LK_LANDMARKS], int frames,
                             const float *source_ref, const float *dest_ref, const lk_rect *label_box, lk_swap_score *out,
                             const lk_cancel *cancel, lk_error *err);

#endif
