/* clip.h: between reading a clip (clip.c) and finishing its tracks (clip_tracks.c).
 * Internal to the room.
 */
#ifndef LK_FACE_CLIP_H
#define LK_FACE_CLIP_H

#include "face/analyser.h"

/* Append a face to a frame; the frame's faces move inside the arena. */
lk_status lk_clip_add_face(lk_arena *arena, lk_face_frame *frame, const lk_face *face, lk_error *err);
/* clip->count raw frames become the clip's own: short false tracks dropped, ids from 0 by first appearance,
 * gaps of up to five pictures bridged where both sides agree (quality halved there), smoothed, posed, sorted
 * by id. */
lk_status lk_clip_finish(lk_face_clip *clip, lk_face_frame *raw, bool smooth, lk_error *err);

#endif
