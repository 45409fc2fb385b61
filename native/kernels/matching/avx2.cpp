#define CCCD_LEVEL avx2
#define CCCD_REGISTER 32
#include "plain.ipp"
