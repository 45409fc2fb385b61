#define CCCD_LEVEL avx2
#include "similarities.ipp"
