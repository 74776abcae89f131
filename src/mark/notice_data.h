/* notice_data.h: the spoken notice, made from samples/notice-en.wav when the library is built: it is part of
 * the way out, so it may not be a file that can be missing. */
#ifndef LK_NOTICE_DATA_H
#define LK_NOTICE_DATA_H

#include <stdint.h>

extern const int notice_en_rate, notice_en_samples;
extern const int16_t notice_en[];

#endif
