/* nn/safetensors.h: what the reader, the writer and the checkpoints share. The
 * format: 8 bytes little-endian header length, a JSON header that maps names to
 * {dtype, shape, data_offsets}, then the data without holes. Two members of
 * "__metadata__" are ours: data_sha256 covers the data, and header_sha256 covers
 * the header itself, taken with its own 64 digits as zeros; so one flipped bit
 * anywhere in a file is found. Files from elsewhere have neither and are read. */
#ifndef LK_NN_SAFETENSORS_H
#define LK_NN_SAFETENSORS_H

#include "nn/nn.h"

#define LK_ST_HEADER_LIMIT (16u << 20)
#define LK_ST_TENSOR_LIMIT 65536
#define LK_ST_HEADER_KEY "\"header_sha256\":\"" /* as it stands in the text, up to the first digit */
#define LK_ST_ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

/* Bytes of an element, 0 for a type that we do not know. */
size_t lk_safetensors_dtype_size(const char *dtype);
/* Did the file carry both hashes, and did they fit? (A hash that does not fit is an error when opening.) */
bool lk_safetensors_sealed(const lk_safetensors *st);
/* Write and sync to a temporary name beside path, returned in *tmp (lk_free); the caller renames. */
lk_status lk_safetensors_write_tmp(const char *path, const lk_named_tensor *t, int count,
                                   const char *metadata_json, char **tmp, lk_error *err);

#endif
