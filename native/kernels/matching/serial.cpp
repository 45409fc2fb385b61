#define CCCD_LEVEL serial
#include "plain.ipp"
