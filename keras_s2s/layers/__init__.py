"""The tensor side: recurrent layers, attention, encoder and decoder, written with `keras` alone."""
