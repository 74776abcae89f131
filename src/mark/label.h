/* label.h: the visible disclosure, drawn on every made picture: which style, where,
 * and how large. Legible on any background (text at least 4.5 : 1 against its own
 * plate) and never smaller than 1/18 of the picture's height.
 */
#ifndef LK_LABEL_H
#define LK_LABEL_H

#include "media/media.h"

typedef enum lk_label_place {
    LK_LABEL_BOTTOM_LEFT,
    LK_LABEL_BOTTOM_RIGHT,
    LK_LABEL_TOP_LEFT,
    LK_LABEL_TOP_RIGHT,
    LK_LABEL_LOWER_THIRD,
    LK_LABEL_PLACES
} lk_label_place;
const char *lk_label_place_name(lk_label_place p); /* "bottom-left"... */
int lk_label_place_parse(const char *name);        /* -1 when unknown */

typedef enum lk_label_style {
    LK_LABEL_PLATE, /* words on a dark plate */
    LK_LABEL_BAND,  /* words on a band across the whole width, as broadcasters do */
    LK_LABEL_ICON,  /* "AI" over GENERATED or MODIFIED, after the EU code of practice on marking */
    LK_LABEL_STYLES
} lk_label_style;
const char *lk_label_style_name(lk_label_style s); /* "plate", "band", "icon" */
int lk_label_style_parse(const char *name);        /* -1 when unknown */

/* Rows to add below a picture of this size so that a plate at one of its bottom corners covers none of it:
 * for sheets and previews, where every cell counts. */
int lk_label_strip(int width, int height);

#endif
