-- AlterTable
ALTER TABLE "Build" ADD COLUMN     "port" INTEGER,
ADD COLUMN     "reference" TEXT;
