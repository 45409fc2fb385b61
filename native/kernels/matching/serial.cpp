#define CCCD_LEVEL serial
#define CCCD_REGISTER 16
#include "plain.ipp"
