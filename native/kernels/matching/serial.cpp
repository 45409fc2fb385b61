#define CCCD_LEVEL serial
#include "similarities.ipp"
