/* speaker_net.h: what the speaker model is made of, shared by its use, its training and its measurement.
 *
 * Speech frames are pulled together (pauses left out), cut into chunks of LK_CHUNK frames, and described twice: by
 * a network over the log mel spectrum of each chunk, and by classical statistics of cepstra and pitch over all of
 * them. Each half is a unit vector about the mean voice; the embedding holds both, weighted.
 */
#ifndef LK_VOICE_SPEAKER_NET_H
#define LK_VOICE_SPEAKER_NET_H

#include "nn/nn.h"
#include "voice/speaker.h"

#define LK_CHUNK 200        /* frames the network takes, 2 s */
#define LK_VOICE_DEEP 128   /* numbers from the network */
#define LK_VOICE_FLAT 64    /* numbers from the statistics */
#define LK_VOICE_FLOOR 1e-4f /* of a piece's level: 40 dB below it all is quiet alike */
#define LK_CEPSTRA 20
#define LK_GAUSSIANS 32
#define LK_VOICE_PLAIN (3 * LK_CEPSTRA + 2) /* mean, deviation, deviation of the slope; pitch mean and deviation */
#define LK_VOICE_STATS (LK_VOICE_PLAIN + LK_GAUSSIANS * LK_CEPSTRA)
#define LK_SPEAKER_NET "voice-speaker"

/* Input (N,1,LK_CHUNK,LK_MEL_BANDS), output "embedding" (N,LK_VOICE_DEEP,1,1) of unit length. */
lk_node lk_net_speaker(lk_net *net, int batch, lk_node *embedding);

/* The speech of a recording without its pauses. */
typedef struct lk_voiced {
    int64_t frames;
    float *power;    /* frames x LK_MEL_BANDS */
    float *pitch;    /* log Hz, 0 = unvoiced */
    int64_t *at;     /* frame of the recording */
    double seconds;  /* of speech */
} lk_voiced;
lk_status lk_voiced_make(const float *samples, int64_t n, lk_voiced *out, lk_error *err);
void lk_voiced_clear(lk_voiced *v);

/* log(power) over the chunk's level; each band freed of its mean, so that neither loudness nor a steady channel
 * is seen. power: frames rows, repeated when fewer than LK_CHUNK; out LK_CHUNK rows. */
void lk_chunk_make(const float *power, int64_t frames, float *out);
/* What sounds everybody makes: Gaussians over cepstra freed of their mean. */
typedef struct lk_voice_sounds {
    float weight[LK_GAUSSIANS], mean[LK_GAUSSIANS][LK_CEPSTRA], deviation[LK_GAUSSIANS][LK_CEPSTRA];
} lk_voice_sounds;
/* How sure it is that x is each of the sounds (sums to 1); returns the log likelihood. */
double lk_sounds_guess(const lk_voice_sounds *s, const float x[LK_CEPSTRA], float sure[LK_GAUSSIANS]);
/* The cepstra of one frame; gain 1 / the level of the piece. */
void lk_cepstra_make(const float *power, float gain, float out[LK_CEPSTRA]);
float lk_gain_of(const float *power, int64_t frames);
/* The plain statistics, then how this voice makes each of the sounds otherwise than others (the means' shift of a
 * Gaussian mixture: Reynolds et al. 2000, Campbell et al. 2006). */
void lk_stats_make(const float *power, const float *pitch, int64_t frames, const lk_voice_sounds *sounds,
                   float out[LK_VOICE_STATS]);

/* The unit vector of frames from..to-1 of v. */
void lk_speaker_piece_embed(lk_speaker *sp, const lk_voiced *v, int64_t from, int64_t to,
                            float out[LK_SPEAKER_EMBEDDING]);

/* What training leaves for lk_speaker_open beside the network's weights. */
typedef struct lk_speaker_back {
    float deep_mean[LK_VOICE_DEEP];
    float flat_mean[LK_VOICE_STATS], flat[LK_VOICE_FLAT][LK_VOICE_STATS];
    lk_voice_sounds sounds;
    float share; /* of the statistics in the cosine, 0..1 */
} lk_speaker_back;

/* Write the tensors of `from` and, unless NULL, `back`, under the given metadata. */
lk_status lk_speaker_write(const char *path, const lk_safetensors *from, const lk_speaker_back *back,
                           const char *metadata, lk_error *err);
/* Rewrite PATH with other limits (and share, unless negative) in its metadata. */
lk_status lk_speaker_set(const char *path, lk_speaker_limits limits, float share, lk_error *err);

#endif
