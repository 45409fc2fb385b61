#define CCCD_LEVEL avx2
#include "plain.ipp"
