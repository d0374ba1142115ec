module servemux

go 1.22
