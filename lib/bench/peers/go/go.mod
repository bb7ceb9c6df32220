module fastsync/peers/go

go 1.22
