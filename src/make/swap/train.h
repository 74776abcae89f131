/* make/swap/train.h: what the files of training share. net.c describes the
 * networks; augment.c makes one training picture; feed.c makes batches of them on
 * a thread of its own; step.c computes losses and gradients; gan.c is the
 * adversary; validate.c measures and draws; state.c is the checkpoint; train.c is
 * the loop that the two entries (personal.c, base.c) share. */
#ifndef LK_SWAP_TRAIN_H
#define LK_SWAP_TRAIN_H

#include "dataset/vault.h"
#include "make/swap/swap.h"

/* --- networks (net.c) ------------------------------------------------------------ */

#define SWAP_SIDES 2
#define SWAP_ID_UNITS 64 /* width of the "who" input of the base: at most so many people */

lk_status swap_config_check(const lk_swap_config *c, const char *where, lk_error *err);
/* Code of each picture: (N,3,S,S) -> (N,ae,1,1). Parameters "enc." and "inter.". */
lk_node swap_describe_encoder(lk_net *net, lk_node pictures, const lk_swap_config *c);
/* Code (with or without the "who" units behind it) -> face (sigmoid) and mask (logits), named outputs. */
void swap_describe_decoder(lk_net *net, const char *prefix, lk_node code, const lk_swap_config *c,
                           const char *face_out, const char *mask_out);
/* Patch discriminator (N,3,S,S) -> (N,1,S/4,S/4) logits; receptive field 27 px. Parameters "disc.". */
lk_node swap_describe_patch(lk_net *net, lk_node pictures);

/* One decoder at work: which samples of the batch are its own. */
typedef struct swap_side { const char *prefix; int from, count; char face[16], mask[16]; } swap_side;

typedef struct swap_net {
    lk_params *params;
    lk_net *net;
    lk_node pictures, who; /* who < 0: no such input */
    swap_side side[SWAP_SIDES];
    int sides, batch;
    lk_swap_config config;
} swap_net;

/* The network that training steps: count[0] (+ count[1]) pictures; who: the base's, one decoder "dec." told
 * who it draws. */
lk_status swap_net_new(swap_net *out, const lk_swap_config *c, const int count[SWAP_SIDES], bool base,
                       lk_backend backend, lk_dtype type, uint64_t seed, lk_error *err);
void swap_net_clear(swap_net *n);

/* --- training pictures (augment.c) -------------------------------------------------- */

/* One person's material, in memory. */
typedef struct swap_person {
    const lk_dataset *data;
    int side;             /* 0 = source, 1 = destination */
    float tone[3];        /* mean of the masked face, coded values */
} swap_person;

/* What the network sees and what it should make of it; usually the same picture. */
typedef struct swap_pick { lk_sample seen, wanted; int who; const float *tone_from, *tone_to; } swap_pick;

typedef struct swap_augment {
    float warp;           /* deviation of the grid nodes, in parts of the crop */
    float rotate, scale, shift; /* deviation: degrees, factor, parts of the crop */
    float light;          /* strength of relighting, 1 = full */
    float tone;           /* chance that the skin tone is moved to the other person's */
    bool mirror;          /* half of the pictures */
} swap_augment;

/* Writes S x S pictures: input and target RGB, mask, and the weight of each pixel in the plain losses. */
void swap_augment_make(const swap_pick *pick, const swap_augment *how, const lk_swap_config *c, lk_rng *r,
                       float *input, float *target, float *mask, float *weight);
void swap_sample_tone(const lk_sample *s, float tone[3]);

/* --- batches (feed.c) ----------------------------------------------------------------- */

typedef struct swap_batch {
    int64_t step;
    float *input, *target, *mask, *weight, *who; /* whole batch, (N,..) channels last */
    void *block;
} swap_batch;

/* Who is drawn how often: groups of picks with a share of one side's pictures. */
typedef struct swap_item { int seen_person, seen, wanted_person, wanted; } swap_item;
typedef struct swap_group { swap_item *items; int count; double share; } swap_group;
typedef struct swap_source { swap_group *groups; int count; } swap_source; /* of one side */

typedef struct swap_material {
    swap_person *people;
    int person_count;
    swap_source side[SWAP_SIDES];
    swap_item *held_out;      /* side 0: never trained on, for validation and the stop rule */
    int held_out_count;
    swap_item *shown;         /* pictures for the preview, side 0 then side 1 */
    int shown_count[SWAP_SIDES];
    float (*tones)[3];        /* of some samples of side 1: goals of the tone augmentation */
    int tone_count;
    lk_hash fingerprint;
} swap_material;
void swap_material_clear(swap_material *m);

typedef struct swap_feed swap_feed;
lk_status swap_feed_new(swap_feed **out, const swap_material *m, const swap_net *net, uint64_t seed,
                        lk_error *err);
void swap_feed_free(swap_feed **f);
/* Ask for the batch of a step; at most SWAP_AHEAD may be under way. */
#define SWAP_AHEAD 3
lk_status swap_feed_ask(swap_feed *f, int64_t step, const swap_augment *how);
lk_status swap_feed_take(swap_feed *f, swap_batch **out);
void swap_feed_give_back(swap_feed *f, swap_batch *b);
void swap_batch_fill(const swap_material *m, const swap_net *net, uint64_t seed, int64_t step,
                     const swap_augment *how, swap_batch *b);
/* The unchanged picture of one item (no augmentation). */
void swap_item_plain(const swap_material *m, const swap_item *it, const lk_swap_config *c, float *input,
                     float *target, float *mask, float *weight);

/* --- losses (step.c) ---------------------------------------------------------------------- */

typedef struct swap_losses { double total, dssim, mse, mask; } swap_losses; /* means over the sides */
typedef struct swap_step { void *scratch; float *ssim; } swap_step;
lk_status swap_step_new(swap_step *s, const swap_net *net, lk_error *err);
void swap_step_clear(swap_step *s);
/* Put the batch into the net. */
void swap_net_feed(swap_net *net, const swap_batch *b);
/* After forward: value of the losses and, when grad, gradients of the outputs (zeroed before). */
swap_losses swap_step_losses(swap_step *s, swap_net *net, const swap_batch *b, bool grad);

/* --- adversary (gan.c) ----------------------------------------------------------------------- */

typedef struct swap_gan {
    lk_params *params;
    lk_net *net;
    lk_node pictures;
    lk_optim optim;
    int count;            /* fakes a step; the net takes as many real ones before them */
} swap_gan;
typedef struct swap_gan_losses { double fool, judge, real_right, fake_right; } swap_gan_losses;
lk_status swap_gan_new(swap_gan *g, const swap_net *net, lk_backend backend, lk_dtype type, uint64_t seed,
                       lk_error *err);
void swap_gan_clear(swap_gan *g);
/* One alternating round on side 0: adds power times the gradient that fools the judge, then teaches the
 * judge. */
swap_gan_losses swap_gan_step(swap_gan *g, swap_net *net, const swap_batch *b, float power, float lr_factor);

/* --- measuring and showing (validate.c) --------------------------------------------------------- */

/* detail: gradient energy made / true, in the face */
typedef struct swap_validation { double loss, ssim, detail; } swap_validation;
/* Averaged weights on the held-out pictures of side 0. */
swap_validation swap_validate(swap_net *net, const swap_material *m, swap_step *s, swap_batch *scratch);
/* Sheet of five rows (base: two); sheet->data allocated by the caller through swap_preview_size. */
void swap_preview_size(const swap_net *net, const swap_material *m, int *w, int *h);
void swap_preview_draw(swap_net *net, const swap_material *m, swap_batch *scratch, lk_image *sheet);

/* --- state (state.c) ------------------------------------------------------------------------------- */

typedef enum swap_phase { SWAP_WARP, SWAP_SHARP, SWAP_ADVERSARY, SWAP_PHASES } swap_phase;

typedef struct swap_state {
    int64_t step;
    int64_t begin;            /* of the present plan: a finished training may be given more */
    /* first step after each phase: the plan, recorded so that a resumed run keeps it */
    int64_t end[SWAP_PHASES];
    double seconds;           /* of training so far */
    float rate_scale;         /* halved after a step that was not a number */
    int rollbacks;
    double best;              /* of the held-out loss within this phase */
    int stale;                /* validations without a gain */
    bool stopped_early;
    swap_validation last;
    swap_losses losses;       /* running means */
} swap_state;

typedef struct swap_job {
    const lk_swap_train_options *o;
    bool base;
    swap_net net;
    swap_gan gan;
    bool with_gan;
    swap_material material;
    lk_optim optim;
    swap_step step;
    swap_batch spare;         /* for validation and previews */
    swap_state state;
    const lk_grant *const *grants[SWAP_SIDES];
    int grant_count[SWAP_SIDES];
    lk_use use[SWAP_SIDES];
    const lk_grant *bound[LK_BIND_PEOPLE]; /* whose likeness it is, each record once; none for a base */
    int bound_count;
    lk_checkpoint_vault vault;
    lk_hash base_hash;
    bool has_base;
    lk_dtype dtype;
    size_t memory;            /* predicted peak, bytes */
    int64_t images;
} swap_job;

lk_status swap_check_grants(const swap_job *j, lk_error *err);
/* Checkpoints and the model are bound to the grants; those of a base, which stands on its own, are plain files. */
lk_status swap_vault_open(swap_job *j, lk_error *err);
/* Names of what the header of a model says, and the words of its detail. */
#define SWAP_MODEL_KIND "swap model"
#define SWAP_MODEL_FORMAT "likeness-swap-2"
lk_status swap_state_save(swap_job *j, lk_error *err);
/* LK_E_NOTFOUND when there is none; LK_E_ARG when it belongs to another training. */
lk_status swap_state_load(swap_job *j, lk_error *err);
lk_status swap_model_save(swap_job *j, lk_swap_train_report *report, lk_error *err);
/* Weights of PATH into the net by matching shapes. */
lk_status swap_base_load(swap_job *j, const char *path, lk_error *err);

/* --- shut eyes (blink.c) ---------------------------------------------------------------------------- */

/* How far the eyes stand open: the lid gaps of both in parts of the distance of the outer corners. */
float swap_eyes_open(const float lm[136]);
/* Median over people's samples; 0 when there are none. */
lk_status swap_eyes_usual(const swap_person *people, int count, float *median, lk_error *err);
/* 0 = open as usual, 1 = shut. */
float swap_eyes_shut(float opening, float usual);
#define SWAP_BLINK "lids.shut" /* its name in a model file */
/* The direction of the code (config.ae numbers) along which the source's decoder shuts the eyes. found: false when the
 * source hardly blinks in its footage. Uses the averaged weights and j->spare. */
lk_status swap_blink_measure(const swap_job *j, float *direction, bool *found, lk_error *err);

/* --- the loop (train.c) ----------------------------------------------------------------------------- */

lk_status swap_train_run(swap_job *j, lk_swap_train_report *report, const lk_cancel *cancel,
                         const lk_progress_sink *progress, lk_error *err);
lk_status swap_batch_new(swap_batch *b, const swap_net *net, lk_error *err);
void swap_batch_clear(swap_batch *b);

#endif
