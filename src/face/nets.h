/* nets.h: the four networks of the room, from description to inference.
 *
 * net_*.c describe (one function a network, used by training and inference alike),
 * net_model.c opens a shipped weight file, detect.c, landmark.c, mask.c and
 * identity.c turn network outputs into boxes, points, masks and embeddings.
 * Every wrapper has one owner thread and allocates nothing per call, except the
 * detector when the picture's size changes. Pixels enter as RGB 0..1 and are fed
 * to the nets as (v - 0.5) * 4.
 *
 * Box convention, for truth and for detections: the extent of the 68 points,
 * widened on each side by LK_BOX_WIDEN of its width and height.
 */
#ifndef LK_FACE_NETS_H
#define LK_FACE_NETS_H

#include "face/face.h"

#define LK_BOX_WIDEN 0.05f
lk_rect lk_face_box(const lk_point lm[LK_LANDMARKS]);

/* --- descriptions --------------------------------------------------------------- */

#define LK_NET_CROP 96      /* px, input of landmark, mask and id */
#define LK_HEAT 24          /* cells a side of the landmark heatmaps */
#define LK_HEAT_STRIDE 4    /* px per cell */
#define LK_DETECT_LEVELS 3  /* outputs at strides 8, 16, 32 */
#define LK_DETECT_ALIGN 64  /* input sides are multiples of this */
/* Per cell: score logit; dx, dy from the cell's centre in strides; log w, log h in units of 4 strides. */
#define LK_DETECT_OUT 5

/* Each returns the input node; outputs are named. A describing error is reported by lk_net_plan. */
lk_node lk_net_face_detect(lk_net *net, int batch, int h, int w); /* "p8" "p16" "p32": (N,5,H/s,W/s) */
lk_node lk_net_face_landmark(lk_net *net, int batch); /* "heat": (N,68,24,24), "face": (N,1,1,1), logits */
lk_node lk_net_face_mask(lk_net *net, int batch);     /* "mask": (N,1,96,96) logits */
/* "embedding": (N,LK_EMBEDDING,1,1), the towers' unit vectors side by side. */
lk_node lk_net_face_id(lk_net *net, int batch);
/* One tower, as it is trained: "embedding": (N,LK_FACE_TOWER,1,1), unit length; *embedding (may be NULL) gets its
 * node, for a classifier on top. */
lk_node lk_net_face_id_tower(lk_net *net, int batch, lk_node *embedding);
/* Two 3x3 convolutions around a skip; the second starts small, so that depth costs no stability. */
lk_node lk_net_residual(lk_net *net, const char *name, lk_node x, int c);
/* Damp those second convolutions once, on fresh weights. */
void lk_net_damp_residuals(lk_params *params, float factor);

static inline float lk_net_pixel(float v) { return (v - 0.5f) * 4.0f; }

/* --- a shipped model -------------------------------------------------------------- */

/* Reads DIR/face-NAME.safetensors, checks that it is that network, and binds it for one input shape (describe
 * NULL: the caller plans it, as the detector does for each picture size). */
typedef struct lk_face_model {
    lk_params *params;
    lk_net *net;              /* NULL when opened without a description */
    lk_node in;
    float threshold;          /* metadata "threshold", 0 when absent */
    lk_safetensors *weights;  /* kept open only when opened without a description, to load later */
} lk_face_model;
typedef lk_node (*lk_face_describe_fn)(lk_net *net);
lk_status lk_face_model_open(const char *dir, const char *name, lk_face_describe_fn describe,
                             lk_face_model *out, lk_error *err);
void lk_face_model_close(lk_face_model *m);

/* --- detector ---------------------------------------------------------------------- */

typedef struct lk_detection { lk_rect box; float score; } lk_detection;
typedef struct lk_detector lk_detector;
lk_status lk_detector_open(const char *models_dir, lk_detector **out, lk_error *err);
void lk_detector_close(lk_detector **d);
float lk_detector_threshold(const lk_detector *d); /* as shipped with the model */
/* Faces at least min_face px high, best score first, overlaps removed. threshold <= 0: as shipped. */
lk_status lk_detector_run(lk_detector *d, const lk_image *rgb, float min_face, float threshold,
                          lk_detection *out, int max, int *count, lk_error *err);
/* Cells of one sample of a detect net that score above min_logit, as boxes in pixels of its input; those
 * whose centre is outside w x h are left out. Returns how many; stops at max. */
int lk_detect_decode(lk_net *net, int sample, int w, int h, float min_logit, lk_detection *out, int max);
/* Greedy non-maximum suppression; d must be sorted by falling score. Returns how many are kept, in front. */
int lk_detection_nms(lk_detection *d, int count, float max_iou);
void lk_detection_sort(lk_detection *d, int count);
float lk_rect_iou(lk_rect a, lk_rect b);

/* --- landmarks ---------------------------------------------------------------------- */

/* The frame a face is shown in to the landmark net: picture -> 96 px crop. From a detection it is upright;
 * from known points (the last frame, or a first pass) it is turned so that eyes lie above mouth. Both centre
 * the box and give it 1/LK_LANDMARK_MARGIN of the side. */
#define LK_LANDMARK_MARGIN 1.35f
lk_affine lk_landmark_frame_box(lk_rect box);
lk_affine lk_landmark_frame_points(const lk_point lm[LK_LANDMARKS]);

typedef struct lk_landmarker lk_landmarker;
lk_status lk_landmarker_open(const char *models_dir, lk_landmarker **out, lk_error *err);
void lk_landmarker_close(lk_landmarker **l);
/* One pass. to_crop: picture -> crop, as made above. lm in pixels of the picture; quality 0..1: is this a
 * face, framed about right; spread (may be NULL): per point, standard deviation of its heatmap in picture
 * pixels. */
lk_status lk_landmarker_run(lk_landmarker *l, const lk_image *rgb, lk_affine to_crop,
                            lk_point lm[LK_LANDMARKS], float *quality, float spread[LK_LANDMARKS],
                            lk_error *err);
/* Soft-argmax of one sample's logits (h, w, c order): points and spread in crop pixels. */
void lk_heat_points(const float *logits, lk_point lm[LK_LANDMARKS], float spread[LK_LANDMARKS]);

/* --- mask and identity: crops of lk_face_align at coverage LK_FACE_CROP_COVERAGE ------ */

typedef struct lk_masker lk_masker;
lk_status lk_masker_open(const char *models_dir, lk_masker **out, lk_error *err);
void lk_masker_close(lk_masker **m);
/* crop: square RGB; mask: allocated by the caller, crop's size, c 1. */
lk_status lk_masker_run(lk_masker *m, const lk_image *crop, lk_image *mask, lk_error *err);

typedef struct lk_embedder lk_embedder;
lk_status lk_embedder_open(const char *models_dir, lk_embedder **out, lk_error *err);
void lk_embedder_close(lk_embedder **e);
lk_status lk_embedder_run(lk_embedder *e, const lk_image *crop, float out[LK_EMBEDDING], lk_error *err);

#endif
