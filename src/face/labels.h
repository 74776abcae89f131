/* labels.h: the frame labels that a renderer of synthetic actors writes: gzipped
 * JSON lines, a header line and then one line a frame (landmarks, pose, phones).
 * Used to measure and to train the room's own networks. zlib is used here and in train/.
 */
#ifndef LK_FACE_LABELS_H
#define LK_FACE_LABELS_H

#include "face/face.h"

typedef struct lk_label_frame { int64_t frame; lk_point lm[LK_LANDMARKS]; float yaw, pitch, roll; } lk_label_frame;
typedef struct lk_labels { int count; lk_label_frame *frames; } lk_labels; /* frames owned */
/* Limits: 1e6 frames, 1 MiB a line. LK_E_NOTFOUND when absent, LK_E_FORMAT names the line. */
lk_status lk_labels_read(const char *path, lk_labels *out, lk_error *err);
void lk_labels_clear(lk_labels *l);

#endif
