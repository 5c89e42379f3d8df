"""Answers and finished work in a folder that the front ends share: only where ``LMLOUPE_RESULTS`` names one."""
