"""What a detector needs: its card, its crops, its calibration to likelihood ratios, and the measures of both."""
